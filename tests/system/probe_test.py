"""`countersign probe`: silent about a server that is right, and each fault of a wrong one called by its name."""
import base64
import http.server
import json
import re
import stat
import threading
import unittest

from faulty_scep_server import FAULTS, FaultyServer
from instance import InstanceTest, countersign, run_ok, text

CLIENTS = ["client-apple", "client-windows", "client-strongswan", "client-jscep", "client-sscep", "client-certmonger"]
# Where a fault lies before the enrollment, these clients must be told apart from those that do not mind.
FAILING_CLIENTS = {
    "ra-key-usage-missing": {"client-apple", "client-jscep"},
    "ra-certificate-expired": set(CLIENTS),
    "single-ca-announced-as-ra-bundle": set(CLIENTS),
    "ca-content-type": {"client-apple", "client-jscep", "client-sscep", "client-certmonger"},
    "capabilities-status": {"client-apple", "client-certmonger"},
}
# Without key usages the first RA certificate is taken to encrypt to, and that is the wrong one: as other clients do.
CONSEQUENCES = {"ra-key-usage-missing": {"enrollment-refused"}}
NOTHING_TO_ENROLL_WITH = {"server-error", "ca-malformed", "ca-status", "single-ca-announced-as-ra-bundle"}


class ProbeReport:
    def __init__(self, done):
        self.done = done
        self.json = json.loads(done.stdout)
        self.steps = self.json["steps"]
        self.faults = self.json["faults"]

    def step(self, name):
        return next((step for step in self.steps if step["step"] == name), None)

    def failing(self):
        return {step["step"] for step in self.steps if step["outcome"] == "fail"}


class ProbeTest(InstanceTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.server = cls.shared_instance().start()

    def probe(self, url, *arguments, challenge=None):
        words = ["probe", url, "--json", "--poll-seconds", "0", *arguments]
        if challenge:
            file = self.server.path(f"challenge-{self.id()}")
            file.write_text(challenge)
            words += ["--challenge-file", file]
        return ProbeReport(countersign(*words))

    def test_finds_nothing_wrong_with_our_own_server(self):
        report = self.probe(self.server.scep_url, challenge=self.server.challenge())
        self.assertEqual(report.done.returncode, 0, text(report.done))
        self.assertTrue(report.json["passed"])
        self.assertEqual([step for step in report.steps if step["outcome"] != "pass"], [])
        self.assertIn("refused", report.step("second-use")["detail"])
        self.assertIn("RenewalReq", report.step("renewal")["detail"])
        for client in CLIENTS:
            self.assertRegex(report.step(client)["detail"], r"\[.+\]$", "the rule cites no source")

    def test_finds_nothing_wrong_through_the_proxy_that_the_faults_come_from(self):
        faulty = FaultyServer(self.server)
        self.addCleanup(faulty.close)
        report = self.probe(faulty.url, challenge=self.server.challenge())
        self.assertEqual(report.done.returncode, 0, text(report.done))
        self.assertEqual(report.faults, [])

    def test_names_each_fault(self):
        faulty = FaultyServer(self.server)
        self.addCleanup(faulty.close)
        for fault in FAULTS:
            with self.subTest(fault=fault):
                faulty.fault = fault
                report = self.probe(faulty.url, "--enroll-once", challenge=self.server.challenge())
                self.assertEqual(report.done.returncode, 1, text(report.done))
                self.assertFalse(report.json["passed"])
                own = [name for name in report.faults if not name.startswith("client-")]
                self.assertEqual(set(own), {fault} | CONSEQUENCES.get(fault, set()), text(report.done))
                clients = {name for name in report.failing() if name.startswith("client-")}
                if fault in FAILING_CLIENTS:
                    self.assertEqual(clients, FAILING_CLIENTS[fault], text(report.done))
                elif report.step("client-apple"):
                    self.assertEqual(clients, set(), text(report.done))
                self.assertEqual(report.step("enroll") is None, fault in NOTHING_TO_ENROLL_WITH, text(report.done))
                for step in report.steps:
                    if step["outcome"] == "fail":
                        self.assertTrue(step["remedy"], step)

    def test_a_challenge_is_not_spent_where_nobody_could_enroll(self):
        faulty = FaultyServer(self.server)
        self.addCleanup(faulty.close)
        faulty.fault = "single-ca-announced-as-ra-bundle"
        challenge = self.server.challenge()
        self.assertEqual(self.probe(faulty.url, challenge=challenge).done.returncode, 1)
        faulty.fault = None
        self.assertEqual(self.probe(faulty.url, challenge=challenge).done.returncode, 0)

    def test_writes_key_certificate_and_pkcs12_for_their_owner_alone(self):
        out = self.server.path("probe-out")
        report = self.probe(self.server.scep_url, "--out", out, "--subject", "CN=device-9,O=Example", challenge=self.server.challenge())
        self.assertEqual(report.done.returncode, 0, text(report.done))
        self.assertEqual(stat.S_IMODE(out.stat().st_mode), 0o700)
        names = {"key.pem", "certificate.pem", "ca.pem", "certificate.p12", "certificate.p12.password"}
        self.assertEqual({file.name for file in out.iterdir()}, names)
        for file in out.iterdir():
            self.assertEqual(stat.S_IMODE(file.stat().st_mode), 0o600, file)
        run_ok("openssl", "verify", "-CAfile", out / "ca.pem", out / "certificate.pem")
        inside = run_ok("openssl", "pkcs12", "-in", out / "certificate.p12", "-passin", f"file:{out / 'certificate.p12.password'}",
                        "-nodes").stdout.decode()
        self.assertEqual(len(re.findall("BEGIN CERTIFICATE", inside)), 2)
        key = run_ok("openssl", "pkey", "-pubout", stdin=inside.encode()).stdout
        self.assertEqual(key, run_ok("openssl", "x509", "-in", out / "certificate.pem", "-noout", "-pubkey").stdout)
        again = countersign("probe", self.server.scep_url, "--out", out)
        self.assertEqual(again.returncode, 1)
        self.assertIn("nothing is overwritten", text(again))

    def test_shows_people_a_table_and_what_failed(self):
        done = countersign("probe", self.server.scep_url, "--challenge", "0011223344556677")
        self.assertEqual(done.returncode, 1)
        self.assertRegex(done.stdout.decode(), r"(?m)^pass  client-apple +finds what it looks for")
        self.assertRegex(done.stdout.decode(), r"(?m)^fail  enroll +refused: ")
        self.assertIn("countersign: enroll: refused", done.stderr.decode())

    def test_says_that_nobody_is_there(self):
        report = self.probe("http://127.0.0.1:9/certsrv/mscep/mscep.dll", "--timeout", "5")
        self.assertEqual(report.done.returncode, 1)
        self.assertEqual(report.faults, ["no-answer"])


class ProbeSingleModeTest(InstanceTest):
    def server_with(self, mode):
        server = self.instance()
        server.path("password").write_text("open sesame\n")
        server.path("password").chmod(0o600)
        values = {"single-password": f'{{ mode = "single-password", password_file = "{server.path("password")}" }}',
                  "none": '{ mode = "none" }'}
        server.config.write_text(re.sub(r"(?m)^challenge = .*$", f"challenge = {values[mode]}", server.config.read_text()))
        return server.start()

    def probe(self, server, *arguments):
        return ProbeReport(countersign("probe", server.scep_url, "--json", *arguments))

    def test_a_password_for_everybody_is_a_fault_unless_it_is_meant_so(self):
        server = self.server_with("single-password")
        report = self.probe(server, "--challenge-file", server.path("password"))
        self.assertEqual(report.done.returncode, 1, text(report.done))
        self.assertEqual(report.faults, ["challenge-reusable"])
        meant = self.probe(server, "--challenge-file", server.path("password"), "--reusable")
        self.assertEqual(meant.done.returncode, 0, text(meant.done))

    def test_a_server_without_passwords_is_warned_of(self):
        report = self.probe(self.server_with("none"))
        self.assertEqual(report.done.returncode, 0, text(report.done))
        self.assertEqual(report.step("second-use")["fault"], "challenge-not-wanted")


class ProbeHeldRequestTest(InstanceTest):
    def test_waits_for_the_officer_and_says_so(self):
        server = self.instance()
        server.set("template.device", hold_for_approval=True)
        server.start()
        challenge = server.challenge()

        def approve():
            self.wait_until(lambda: any(one["state"] == "held" for one in server.requests()), what="a held request")
            held = next(one for one in server.requests() if one["state"] == "held")
            server.command("request", "approve", held["id"])

        officer = threading.Thread(target=approve)
        officer.start()
        done = countersign("probe", server.scep_url, "--challenge", challenge, "--enroll-once", "--polls", "60", "--poll-seconds", "1")
        officer.join()
        self.assertEqual(done.returncode, 0, text(done))
        self.assertIn("the request is held; asking again in 1 s (1 of 60)", done.stderr.decode())
        self.assertRegex(done.stdout.decode(), r"(?m)^pass  poll +issued")


PAGE = ("<HTML><Head><Meta HTTP-Equiv=\"Content-Type\" Content=\"text/html; charset=UTF-8\"><Title>Network Device Enrollment Service"
        "</Title></Head><Body><P> The enrollment challenge password is: <B> {challenge} </B> <P> This password can be used only once "
        "and will expire within 60 minutes.</Body></HTML>")


class AdminPage:
    """A password page as the published captures of NDES show it, handing out the challenges of an instance."""

    def __init__(self, instance, credentials, schemes=("Basic realm=\"ndes\"",), encoding="utf-16", page=PAGE):
        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                wanted = "Basic " + base64.b64encode(credentials.encode()).decode()
                good = self.headers.get("Authorization") == wanted
                body = page.format(challenge=instance.challenge()).encode(encoding) if good else b""
                self.send_response(200 if good else 401)
                for scheme in () if good else schemes:
                    self.send_header("WWW-Authenticate", scheme)
                self.send_header("Content-Type", "text/html")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}/certsrv/mscep_admin/"

    def close(self):
        self.server.shutdown()
        self.server.server_close()


class ProbeAdminPageTest(InstanceTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.server = cls.shared_instance().start()

    def probe(self, password="tea", **page):
        admin = AdminPage(self.server, "mdm@example.com:tea", **page)
        self.addCleanup(admin.close)
        file = self.server.path(f"password-{self.id()}")
        file.write_text(password)
        return ProbeReport(countersign("probe", self.server.scep_url, "--admin-url", admin.url, "--user", "mdm@example.com",
                                       "--password-file", file, "--json"))

    def test_signs_in_and_enrolls_with_what_the_page_shows(self):
        report = self.probe()
        self.assertEqual(report.done.returncode, 0, text(report.done))
        pages = [step["detail"] for step in report.steps if step["step"] == "admin-page"]
        self.assertEqual(len(pages), 2, pages)
        self.assertIn("basic", pages[0])
        self.assertIn("once, within 60 minutes", pages[1])
        self.assertIn("refused", report.step("second-use")["detail"])

    def test_every_known_reader_finds_the_challenge_on_our_own_page(self):
        file = self.server.path("own-password")
        file.write_text(self.server.created["admin_password"])
        report = ProbeReport(countersign("probe", self.server.scep_url, "--admin-url", self.server.created["admin_url"], "--user",
                                         self.server.created["admin_user"], "--password-file", file, "--json"))
        self.assertEqual(report.done.returncode, 0, text(report.done))
        self.assertEqual([step for step in report.steps if step["outcome"] != "pass"], [])
        self.assertTrue(any("every known reader" in step["detail"] for step in report.steps), report.steps)

    def test_a_wrong_password_is_named(self):
        self.assertEqual(self.probe(password="coffee").faults, ["admin-sign-in"])

    def test_faults_of_the_page_are_named(self):
        for fault, page in {"admin-cache-full": {"page": "<P> The password cache is full. <P> Network Device Enrollment Service {challenge}"},
                            "admin-no-permission": {"page": "<P> You do not have sufficient permission to enroll with SCEP.  {challenge}"},
                            "admin-page-unreadable": {"page": "<html>welcome</html>"}}.items():
            with self.subTest(fault=fault):
                self.assertEqual(self.probe(**page).faults, [fault])

    def test_what_only_some_clients_mind_is_a_warning(self):
        for fault, page in {"admin-page-form": {"encoding": "utf-8"},
                            "admin-negotiate-beside-basic": {"schemes": ("Negotiate", "Basic realm=\"ndes\"")}}.items():
            with self.subTest(fault=fault):
                report = self.probe(**page)
                self.assertEqual(report.done.returncode, 0, text(report.done))
                self.assertIn(fault, [step["fault"] for step in report.steps if step["outcome"] == "warn"])


if __name__ == "__main__":
    unittest.main()
