"""CAs that are somewhere else: the daemon in front of the real `openssl ca` and of a stand-in for AD CS that checks what it is sent.

COUNTERSIGN_OUTAGE_SECONDS and COUNTERSIGN_OUTAGE_CLIENTS make the outage longer and the load larger.
"""
import concurrent.futures
import getpass
import json
import os
import pathlib
import shutil
import sys
import time
import unittest

import ca_elsewhere
from adcs import Authority, Server
from client_certificates import Certificates
from instance import InstanceTest, run_ok
from kerberos import Realm
from scep_client import FAILURE, PENDING, SUCCESS, Client

EXAMPLES = pathlib.Path(__file__).resolve().parents[2] / "packaging/examples"
OUTAGE_SECONDS = float(os.environ.get("COUNTERSIGN_OUTAGE_SECONDS", "5"))
OUTAGE_CLIENTS = int(os.environ.get("COUNTERSIGN_OUTAGE_CLIENTS", "10"))


class BackendTest(InstanceTest):
    """Each test has an instance whose CA's key belongs to another: `home` is that CA's directory."""

    def setUp(self):
        super().setUp()
        self.server = self.instance()
        self.home = ca_elsewhere.move_ca_away(self.server)
        self.clients = 0

    def use_ca(self, text, hold=15):
        """Replaces [ca.default]."""
        ca_elsewhere.use_ca(self.server, text)
        self.server.set("profile.default", hold_seconds=hold)
        self.server.set("template.device", key_usage=["digitalSignature", "keyEncipherment"])

    def start(self):
        self.server.start()
        self.bundle = self.server.ca_bundle()

    def client(self, name):
        client = Client(self.server, self.bundle, name)
        client.message = client.request(self.server.challenge())
        return client

    def polled(self, client, seconds=60):
        """The first answer to a poll that is not PENDING."""
        deadline = time.monotonic() + seconds
        while True:
            reply = client.send(client.poll())
            if reply.status != PENDING or time.monotonic() > deadline:
                return reply
            time.sleep(0.3)


class OpensslCaTest(BackendTest):
    def setUp(self):
        super().setUp()
        shutil.copy(EXAMPLES / "openssl-ca.cnf", self.home / "openssl.cnf")
        self.use_ca(f"""type = "exec"
[ca.default.command]
program = "{EXAMPLES}/openssl-ca"
arguments = ["{self.home}"]
""")

    def test_it_issues_what_was_approved(self):
        self.start()
        client = self.client("by-command")
        self.assertEqual(client.send(client.message).status, SUCCESS)
        run_ok("openssl", "verify", "-CAfile", self.home / "ca.pem", client.certificate)
        self.assertEqual(len(self.server.certificates()), 1)
        self.assertIn("countersign_ca_answers_total{ca=\"default\",answer=\"issued\"} 1", self.metrics())
        self.assertEqual((self.home / "index.txt").read_text().count("\n"), 1)
        self.server.command("certificate", "revoke", self.server.certificates()[0]["serial"], "--reason", "keyCompromise")
        self.assertTrue((self.home / "index.txt").read_text().startswith("R\t"))

    def test_what_it_might_copy_from_a_request_is_never_sent(self):
        config = self.home / "openssl.cnf"
        config.write_text(config.read_text().replace("[here]", "[here]\ncopy_extensions = copyall"))
        self.start()
        client = self.client("somebody-else")
        for extension, name in (("1.3.6.1.4.1.311.25.2 = DER:3003020105", "security identifier"),
                                ("2.5.29.32 = DER:3006300406022a03", "certificate policies"),
                                ("1.3.6.1.4.1.311.21.10 = DER:300830060604551d2500", "application policies")):
            reply = client.send(client.request(self.server.challenge(), extensions=[extension]))
            self.assertEqual(reply.status, FAILURE, name)
            self.assertIn(name, self.server.audit("enrollment.refused")[-1]["reason"])
        self.assertEqual((self.home / "index.txt").read_text(), "")

    def metrics(self):
        return self.server.http("GET", "/metrics").body.decode()

    def test_a_ca_that_is_away_burns_no_password_and_check_says_so(self):
        self.start()
        (self.home / "index.txt").rename(self.home / "index.away")
        self.assertIn("cannot be written", self.server.command("check", check=False).stderr.decode())
        (self.home / "index.away").rename(self.home / "index.txt")
        self.assertNotIn("cannot be written", self.server.command("check").stderr.decode())


class AdcsTest(BackendTest):
    """Every way in, and every kind of answer."""

    def setUp(self):
        super().setUp()
        self.tls = Certificates(self.server.path("tls"))
        self.tls.self_signed("iis", "/CN=localhost", "subjectAltName=DNS:localhost")
        (self.server.home / "password").write_text("tea & <biscuits>\n")
        (self.server.home / "password").chmod(0o600)
        self.iis = None

    def tearDown(self):
        if self.iis is not None:
            self.iis.stop()
        super().tearDown()

    def adcs(self, way, authentication="none", form="pkcs7", extra="", hold=15, **server):
        self.authority = Authority(self.home, demand=form)
        self.authority.lie = self.home / "agent.pem"
        self.iis = Server(self.authority, self.tls.pem("iis"), self.tls.key("iis"), **server)
        path = "/certsrv" if way == "adcs-web" else "/CA_CES/service.svc/CES"
        self.use_ca(f"""type = "{way}"
request_format = "{form}"
[ca.default.connection]
url = "https://localhost:{self.iis.port}{path}"
authentication = "{authentication}"
trust = "{self.tls.pem('iis')}"
{extra}
""", hold)
        self.start()

    def assert_enrolls(self, *who):
        client = self.client("laptop")
        reply = client.send(client.message)
        self.assertEqual(self.iis.violations, [])
        self.assertEqual(reply.status, SUCCESS, self.server.log())
        self.assertEqual(set(self.iis.seen), set(who))

    def test_basic(self):
        users = {"CORP\\svc-ra": "tea & <biscuits>"}
        self.adcs("adcs-web", "basic", extra='user = "CORP\\\\svc-ra"\npassword_file = "password"', sign_in="basic", users=users)
        self.assert_enrolls("CORP\\svc-ra")

    def test_user_name_token(self):
        self.adcs("adcs-wstep", "username-token", extra='user = "svc-ra"\npassword_file = "password"', sign_in="username-token",
                  users={"svc-ra": "tea & <biscuits>"})
        self.assert_enrolls("svc-ra")

    def test_client_certificate(self):
        for way in ("adcs-web", "adcs-wstep"):
            with self.subTest(way):
                self.tls.client(f"ra-{way}")
                extra = f'client_certificate = "{self.tls.pem(f"ra-{way}")}"\nclient_key = "{self.tls.key(f"ra-{way}")}"'
                self.tls.key(f"ra-{way}").chmod(0o600)
                self.adcs(way, "certificate", extra=extra, sign_in="certificate", client_ca=self.tls.pem("ca"))
                self.assert_enrolls(f"ra-{way}")
                self.server.stop()
                self.iis.stop()
                self.iis = None

    def test_kerberos(self):
        realm = Realm().use()
        self.addCleanup(realm.close)
        realm.start()
        service = realm.keytab("HTTP/localhost", self.server.path("iis.keytab"))
        realm.keytab("svc-ra", self.server.home / "svc-ra.keytab")
        for way in ("adcs-web", "adcs-wstep"):
            with self.subTest(way):
                self.adcs(way, "negotiate", extra='keytab = "svc-ra.keytab"', sign_in="negotiate", keytab=service)
                self.assert_enrolls("svc-ra@TEST.EXAMPLE")
                self.server.stop()
                self.iis.stop()
                self.iis = None

    def test_a_wrong_password_costs_clients_nothing(self):
        self.adcs("adcs-web", "basic", extra='user = "svc-ra"\npassword_file = "password"', sign_in="basic", users={"svc-ra": "other"})
        client = self.client("patient")
        self.assertEqual(client.post(client.message).status, 503)
        self.iis.users["svc-ra"] = "tea & <biscuits>"
        self.assertEqual(client.send(client.message).status, SUCCESS)
        self.assertIn("HTTP 401", self.server.audit("enrollment.failed")[0]["reason"])

    def test_a_cmc_request(self):
        self.adcs("adcs-wstep", form="cmc")
        self.assert_enrolls()

    def test_that_revocation_is_left_to_people_is_said(self):
        self.adcs("adcs-wstep")
        self.assert_enrolls()
        told = self.server.command("certificate", "revoke", self.server.certificates()[0]["serial"], "--reason", "keyCompromise")
        self.assertIn(b"CA default takes no revocations from us", told.stdout)
        self.assertEqual(self.server.certificates()[0]["state"], "revoked")

    def test_a_request_the_ca_has_lost_is_resolved_by_people(self):
        self.adcs("adcs-web")
        self.authority.next = "hold"
        client = self.client("forgotten")
        self.assertEqual(client.send(client.message).status, PENDING)
        request = self.server.requests()[0]
        self.assertEqual(request["state"], "pending")
        run_ok("sqlite3", self.server.home / "countersign.db", "PRAGMA busy_timeout=9000; UPDATE attempts SET updated = updated - 600000")
        refused = self.server.command("request", "resolve", request["id"], "--not-there", check=False)
        self.assertIn(b"second certificate", refused.stderr)
        self.authority.release()
        number, kept = self.authority.requests.popitem()
        self.authority.requests["4711"] = kept
        self.assertEqual(client.send(client.poll()).status, PENDING)
        self.server.command("request", "resolve", request["id"], "--ca-request", "4711")
        self.assertEqual(self.polled(client).status, SUCCESS, number)
        self.assertEqual(self.server.audit("request.resolved")[0]["by"], getpass.getuser())

    def test_a_denial_is_told_to_the_administrator(self):
        self.adcs("adcs-wstep")
        self.authority.templates = ()
        client = self.client("denied")
        self.assertEqual(client.send(client.message).status, FAILURE)
        self.assertIn("the CA does not issue this template", self.server.audit("enrollment.failed")[0]["reason"])

    def checked(self):
        """Exit status and findings of `countersign check`."""
        answer = self.server.command("check", "--json", check=False)
        findings = json.loads(answer.stdout)["findings"]
        return answer.returncode, {one["level"]: one["problem"] for one in findings if "template device" in one["problem"]}

    def test_check_tells_whether_the_template_demands_our_signature(self):
        users = {"svc-ra": "tea & <biscuits>"}
        for way, authentication in (("adcs-wstep", "username-token"), ("adcs-web", "basic")):
            with self.subTest(way):
                self.adcs(way, authentication, extra='user = "svc-ra"\npassword_file = "password"', sign_in=authentication, users=users)
                self.assertIn("cannot be seen from here", self.server.command("check").stderr.decode())
                self.server.set("ca.default", policy_url=f"https://localhost:{self.iis.port}/CEP/service.svc/CEP")
                self.server.set("template.device", validity_days=366)
                status, findings = self.checked()
                self.assertEqual(self.iis.violations, [])
                self.assertEqual(status, 0, findings)
                self.assertIn("demands the enrollment agent's signature", findings["note"])
                template = self.authority.directory_templates["device"]
                template.signatures = 0
                status, findings = self.checked()
                self.assertEqual(status, 1)
                self.assertIn("whoever may enroll for it gets whatever names he writes", findings["error"])
                told = self.server.command("check", check=False)
                self.assertIn(b"would start, but", told.stdout)
                template.signatures, template.key_bits = 1, 3072
                status, findings = self.checked()
                self.assertEqual((status, set(findings)), (0, {"warning"}))
                self.authority.directory_templates = {}
                self.assertIn("shows our account no template device", self.checked()[1]["error"])
                self.authority.policies = "fault"
                self.assertIn("The directory is away", self.server.command("check", check=False).stderr.decode())
                self.server.stop()
                self.iis.stop()
                self.iis = None

    def test_what_is_held_is_delivered_later_also_after_a_restart(self):
        self.adcs("adcs-web")
        self.authority.next = "hold"
        client = self.client("held")
        self.assertEqual(client.send(client.message).status, PENDING)
        self.server.restart()
        self.authority.release()
        self.assertEqual(self.polled(client).status, SUCCESS)
        self.assertEqual(len(self.authority.keys), 1)

    def test_a_slow_ca_keeps_nobody_waiting_longer_than_allowed(self):
        self.adcs("adcs-web", hold=0)
        self.authority.delay = 2
        client = self.client("slow")
        self.assertEqual(client.send(client.message).status, PENDING)
        self.assertEqual(client.send(client.message).status, PENDING)
        self.assertEqual(self.polled(client).status, SUCCESS)
        self.assertEqual(len(self.authority.keys), 1)

    def test_stopping_waits_for_what_the_ca_is_doing(self):
        self.adcs("adcs-web", hold=0)
        self.authority.delay = 2
        client = self.client("stopped")
        self.assertEqual(client.send(client.message).status, PENDING)
        self.server.restart()
        self.assertEqual(self.polled(client).status, SUCCESS)
        self.assertEqual(len(self.authority.keys), 1)

    def test_a_lying_ca_is_found_out(self):
        self.adcs("adcs-web")
        self.authority.next = "lie"
        client = self.client("deceived")
        self.assertEqual(client.send(client.message).status, FAILURE)
        self.assertIn("PublicKeyMismatch", self.server.audit("certificate.quarantined")[0]["reason"])
        self.assertEqual(self.server.certificates(), [])

    def test_a_lost_answer_waits_for_people_who_look(self):
        self.adcs("adcs-web")
        self.authority.next = "lose_the_answer"
        client = self.client("lost")
        self.assertEqual(client.send(client.message).status, PENDING)
        self.assertEqual(client.send(client.message).status, PENDING)
        self.server.restart()
        request = self.server.requests()[0]
        self.assertEqual(request["state"], "intent")
        number = next(iter(self.authority.requests))
        refused = self.server.command("request", "resolve", request["id"], "--ca-request", number, check=False)
        self.assertIn(b"may still be at it", refused.stderr)
        run_ok("sqlite3", self.server.home / "countersign.db", "PRAGMA busy_timeout=9000; UPDATE attempts SET updated = updated - 600000")
        self.server.command("request", "resolve", request["id"], "--ca-request", number)
        self.assertEqual(self.polled(client).status, SUCCESS)
        self.assertEqual(len(self.authority.keys), 1)
        self.assertEqual(len(self.server.audit("request.resolved")), 1)


class OutageTest(AdcsTest):
    """The CA goes away under load, comes back, and everything that was accepted ends issued, once."""

    def enroll(self, client, end):
        """As a patient device does: asks again after 503, polls after PENDING."""
        while time.monotonic() < end:
            answer = client.post(client.message)
            if answer.status == 200:
                return self.polled(client, end - time.monotonic()).status
            self.assertEqual(answer.status, 503)
            time.sleep(0.5)
        return "never answered"

    def outage(self, unavailable_answer):
        self.server.set("profile.default", unavailable_answer=unavailable_answer)
        self.adcs("adcs-web")
        clients = [self.client(f"{unavailable_answer}-{number}") for number in range(OUTAGE_CLIENTS)]
        end = time.monotonic() + OUTAGE_SECONDS + 120
        with concurrent.futures.ThreadPoolExecutor(len(clients)) as pool:
            early = [pool.submit(self.enroll, client, end) for client in clients[:len(clients) // 3]]
            self.iis.stop()
            late = [pool.submit(self.enroll, client, end) for client in clients[len(clients) // 3:]]
            time.sleep(OUTAGE_SECONDS)
            self.assertIn("circuit_closed{ca=\"default\"} 0", self.server.http("GET", "/metrics").body.decode())
            self.iis.start()
            ends = [one.result() for one in early + late]
        self.assertEqual(self.iis.violations, [])
        self.assertEqual(ends, [SUCCESS] * len(clients), self.server.log()[-3000:])
        self.assertEqual(len(self.authority.keys), len(clients))
        self.assertEqual(len(set(self.authority.keys)), len(clients))
        self.assertEqual(len(self.server.certificates()), len(clients))

    def test_clients_that_come_again(self):
        self.outage("retry")

    def test_clients_that_poll(self):
        self.outage("pending")


def load_tests(loader, _tests, _pattern):
    suite = unittest.TestSuite()
    suite.addTests(loader.loadTestsFromTestCase(OpensslCaTest))
    suite.addTests(loader.loadTestsFromTestCase(AdcsTest))
    suite.addTests(loader.loadTestsFromNames(["OutageTest.test_clients_that_come_again", "OutageTest.test_clients_that_poll"],
                                             sys.modules[__name__]))
    return suite


if __name__ == "__main__":
    unittest.main()
