"""Enrollment under Intune's challenges, in front of a stand-in that is strict about what it is sent."""
import concurrent.futures
import hashlib
import pathlib
import re
import socket
import threading
import unittest

from client_certificates import Certificates
from instance import InstanceTest, Toml, run_ok
from intune import CODES, Intune
from scep_client import BAD_MESSAGE_CHECK, FAILURE, SUCCESS, Client, serial_of

DOCUMENT = pathlib.Path(__file__).resolve().parents[2] / "docs" / "intune.md"


class IntuneTest(InstanceTest):
    def setUp(self):
        super().setUp()
        self.server = self.instance()
        self.tls = Certificates(self.server.path("tls"))
        self.tls.self_signed("cloud", "/CN=localhost", "subjectAltName=DNS:localhost")
        self.cloud = None

    def configure(self, also="", extra="", credentials='secret = "intune.secret"', answer_seconds=20, **options):
        self.cloud = Intune(self.tls.pem("cloud"), self.tls.key("cloud"), **options)
        self.addCleanup(self.cloud.stop)
        (self.server.home / "intune.secret").write_text(self.cloud.secret + "\n")
        (self.server.home / "intune.secret").chmod(0o600)
        self.server.set("profile.default", challenge=Toml('{ mode = "intune"' + also + " }"))
        self.server.append(f"""[intune.default]
tenant = "{self.cloud.tenant}"
client_id = "{self.cloud.client_id}"
{credentials}
authority = "{self.cloud.url}"
graph = "{self.cloud.url}"
trust = "{self.tls.pem("cloud")}"
connect_seconds = 10
answer_seconds = {answer_seconds}
{extra}
""")

    def start(self):
        self.server.start()
        self.bundle = self.server.ca_bundle()

    def device(self, name="phone", subject=None):
        """A client with a request whose challenge is for its own name, or `subject`."""
        client = Client(self.server, self.bundle, name)
        client.message = client.request(self.cloud.challenge(subject or f"CN = {name}"))
        return client

    def enroll(self, name="phone"):
        client = self.device(name)
        self.assertEqual(client.send(client.message).status, SUCCESS, self.cloud.violations)
        return client

    def due_now(self):
        run_ok("sqlite3", self.server.home / "countersign.db",
               "PRAGMA busy_timeout=9000; UPDATE notifications SET next_try = 0 WHERE state = 'waiting'")

    def reported(self, client):
        self.wait_until(lambda: client.transaction in self.cloud.successes, 60, "a success notification")
        return self.cloud.successes[client.transaction]

    def refusals(self):
        return [line["reason"] for line in self.server.audit("enrollment.refused")]

    def test_a_device_enrolls_and_intune_is_told(self):
        self.configure()
        self.start()
        client = self.enroll()
        told = self.reported(client)
        der = run_ok("openssl", "x509", "-in", client.certificate, "-outform", "DER").stdout
        self.assertEqual(told["certificateThumbprint"], hashlib.sha1(der).hexdigest().upper())
        self.assertEqual(told["certificateSerialNumber"], serial_of(client.certificate.read_text()))
        self.assertEqual(told["caConfiguration"], "default")
        self.assertEqual(self.cloud.validated, [client.transaction])
        self.assertEqual(self.cloud.violations, [])
        self.assertEqual(self.server.audit("enrollment.accepted")[0]["challenge"].split()[0], "intune")
        self.assertEqual(self.server.requests()[0]["challenge"], "intune")
        # The same message again: the same certificate, and nobody is asked.
        again = client.send(client.message)
        self.assertEqual(again.certificate, client.certificate.read_text())
        self.cloud.stop()
        self.assertEqual(client.send(client.message).certificate, client.certificate.read_text())
        self.assertEqual(len(self.cloud.validated), 1)

    def test_each_refusal_has_its_word_in_the_audit_and_one_answer_on_the_wire(self):
        self.configure()
        self.start()
        client = self.device()
        replies = set()
        for code in [*CODES, "SomethingNew"]:
            self.cloud.verdict = code
            reply = client.send(client.message)
            replies.add((reply.status, reply.fail_info))
        self.assertEqual(replies, {(FAILURE, BAD_MESSAGE_CHECK)})
        words = [re.match(r"(?:denied|expired): (\w+): (.*)", reason) for reason in self.refusals()]
        self.assertEqual([word.group(1) for word in words], [*CODES, "Unknown"])
        self.assertEqual(words[0].group(2), f"words about {CODES[0]}")
        self.assertEqual(self.server.requests(), [], "nothing of them is stored")
        self.assertEqual(self.server.json("notification", "list"), [])
        self.cloud.verdict = None
        self.assertEqual(client.send(client.message).status, SUCCESS)

    def test_a_challenge_for_another_subject_or_none_at_all(self):
        self.configure()
        self.start()
        thief = self.device("thief", "CN = victim")
        self.assertEqual(thief.send(thief.message).fail_info, BAD_MESSAGE_CHECK)
        self.assertIn("SubjectNameMismatch", self.refusals()[0])
        bare = Client(self.server, self.bundle, "bare")
        self.assertEqual(bare.send(bare.request(None)).fail_info, BAD_MESSAGE_CHECK)
        self.assertEqual(bare.send(bare.request("0123456789ABCDEF")).fail_info, BAD_MESSAGE_CHECK)
        self.assertEqual(self.cloud.validated.count(bare.transaction), 1, "without a challenge nobody is asked")
        self.assertEqual(self.server.certificates(), [])

    def test_no_answer_is_no_certificate_and_the_client_comes_again(self):
        self.configure()
        self.start()
        number = 0
        for action in ("token", "discovery", "validateRequest"):
            for trouble in (500, 403, "garbage", "empty", "flood", "lose"):
                with self.subTest(action=action, trouble=trouble):
                    number += 1
                    self.wait_until(lambda: not self.server.json("notification", "list", "--state", "waiting"), 60, "reports")
                    self.server.restart()      # knows neither token nor address, no failures, and has nothing to report
                    client = self.device(f"device-{number}")
                    self.cloud.troubles = {action: trouble}
                    self.assertEqual(client.post(client.message).status, 503)
                    self.cloud.troubles = {}
                    self.wait_until(lambda: client.post(client.message).status == 200, what="an answer")
                    self.assertEqual(client.send(client.message).status, SUCCESS)
        self.assertEqual(self.cloud.violations, [])
        self.assertEqual(len(self.server.certificates()), number)

    def test_a_slow_intune_stalls_nobody_else(self):
        self.configure(also=', also = ["one-time"]', extra="requests_at_once = 2", answer_seconds=2)
        self.start()
        self.enroll("before")
        self.cloud.troubles, self.cloud.delay = {"validateRequest": "slow"}, 10
        slow = [self.device(f"slow-{number}") for number in range(8)]
        quick = Client(self.server, self.bundle, "quick")
        message = quick.request(self.server.challenge())
        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            answers = [pool.submit(client.post, client.message) for client in slow]
            self.assertEqual(quick.send(message).status, SUCCESS)
            self.assertEqual({answer.result().status for answer in answers}, {503})
        self.assertLessEqual(self.cloud.count["validateRequest"], 1 + 4)

    def test_tokens_end_and_services_move(self):
        self.configure()
        self.start()
        self.enroll("first")
        self.assertEqual(self.cloud.count["token"], 2)
        self.cloud.revoke_tokens()
        self.enroll("second")
        self.assertGreater(self.cloud.count["token"], 2)
        self.cloud.move()
        self.enroll("third")
        # At start; with the token that was revoked; with another.
        self.assertEqual(self.cloud.count["discovery"], 3)
        self.cloud.life = 1
        self.cloud.revoke_tokens()
        for number in range(3):
            self.enroll(f"short-{number}")
        self.assertEqual(self.cloud.violations, [])

    def test_away_for_a_while(self):
        self.configure()
        self.start()
        self.cloud.stop()
        client = self.device()
        for _ in range(4):
            self.assertEqual(client.post(client.message).status, 503)
        self.assertIn("left alone", self.server.audit("message.unanswered")[-1]["reason"])
        checked = self.server.command("check")
        self.assertIn(b"Entra", checked.stdout + checked.stderr)
        self.cloud.start()
        self.wait_until(lambda: client.post(client.message).status == 200, 60, "an answer")
        self.assertEqual(client.send(client.message).status, SUCCESS)

    def test_reports_survive_outages_and_kills(self):
        self.configure()
        self.start()
        self.cloud.troubles = {"successNotification": 503}
        client = self.enroll("reported-late")
        self.wait_until(lambda: self.cloud.count.get("successNotification"), what="a try")
        self.server.kill()
        self.cloud.troubles = {}
        self.cloud.report_verdict = "SigningCertThumbprintMismatch"
        self.server.start()
        self.due_now()
        self.wait_until(lambda: [one for one in self.server.json("notification", "list") if "SigningCertThumbprintMismatch" in one["problem"]],
                        what="the word against it")
        self.cloud.report_verdict = "Success"
        self.due_now()
        self.reported(client)
        self.assertEqual(self.cloud.violations, [])

    def test_failures_are_reported(self):
        self.configure()
        self.server.set("template.device", subject_patterns=["CN=good-*"])
        self.start()
        client = self.device("bad-device")
        self.assertEqual(client.send(client.message).status, FAILURE)
        self.wait_until(lambda: client.transaction in self.cloud.failures, what="a failure notification")
        self.assertEqual(self.server.requests(), [])
        self.server.set("template.device", hold_for_approval=True)
        self.assertIn("reloaded", self.server.reload())
        held = self.device("good-device")
        held.send(held.message)
        self.server.command("request", "deny", self.server.requests()[0]["id"], "--reason", "lost phone")
        self.wait_until(lambda: held.transaction in self.cloud.failures, what="a failure notification")
        self.assertIn("lost phone", self.cloud.failures[held.transaction]["errorDescription"])
        self.assertEqual(self.cloud.violations, [])

    def test_a_certificate_signs_in_and_a_proxy_is_used(self):
        run_ok("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "30", "-subj", "/CN=ra", "-keyout",
               self.tls.key("app"), "-out", self.tls.pem("app"))
        self.tls.key("app").chmod(0o600)
        proxy = Proxy()
        self.addCleanup(proxy.stop)
        self.configure(credentials=f'certificate = "{self.tls.pem("app")}"\nkey = "file:{self.tls.key("app")}"',
                       extra=f'proxy = "http://127.0.0.1:{proxy.port}"', assertion_certificate=self.tls.pem("app"))
        self.start()
        self.reported(self.enroll())
        self.assertEqual(set(proxy.asked), {f"localhost:{self.cloud.port}"})
        self.assertEqual(self.cloud.violations, [])

    def test_intune_revokes_what_it_enrolled_and_nothing_else(self):
        self.configure(also=', also = ["one-time"]', extra="revocation_minutes = 1")
        self.server.start()
        self.bundle = self.server.ca_bundle()
        phone, other = self.enroll("phone"), self.enroll("tablet")
        laptop = Client(self.server, self.bundle, "laptop")
        self.assertEqual(laptop.send(laptop.request(self.server.challenge())).status, SUCCESS)
        serial = lambda client: serial_of(client.certificate.read_text())
        agent = serial_of(self.bundle["agent"].read_text())
        self.server.command("certificate", "revoke", serial(other))
        wanted = {self.cloud.ask_revocation(serial(phone).upper()): "None",
                  self.cloud.ask_revocation(serial(other)): "None",          # by people already
                  self.cloud.ask_revocation(serial(laptop)): "CertificateNotFoundError",
                  self.cloud.ask_revocation(agent): "CertificateNotFoundError",
                  self.cloud.ask_revocation("00112233"): "CertificateNotFoundError",
                  self.cloud.ask_revocation(serial(phone), ca="another"): "CertificateNotFoundError"}
        self.server.restart()
        self.wait_until(lambda: len(self.cloud.results) == len(wanted), 60, "the results")
        self.assertEqual({one["requestContext"]: one["errorCode"] for one in self.cloud.results}, wanted)
        revoked = {one["serial"] for one in self.server.certificates() if one["state"] == "revoked"}
        self.assertEqual(revoked, {serial(phone), serial(other)})
        self.assertEqual(self.server.audit("certificate.revoked")[-1]["by"], "intune default")
        self.assertEqual(self.cloud.violations, [])

    def test_a_revocation_is_answered_although_we_died(self):
        self.configure(extra="revocation_minutes = 1")
        self.start()
        client = self.enroll()
        self.cloud.troubles = {"uploadRevocationResults": "lose"}
        context = self.cloud.ask_revocation(serial_of(client.certificate.read_text()))
        self.server.restart()
        self.wait_until(lambda: self.cloud.count.get("uploadRevocationResults"), 60, "an upload")
        self.server.kill()
        self.cloud.troubles = {}
        self.server.start()
        self.due_now()
        self.wait_until(lambda: context in [one["requestContext"] for one in self.cloud.results], 60, "the result")
        self.assertEqual({one["errorCode"] for one in self.cloud.results}, {"None"})
        self.assertEqual(len(self.server.audit("certificate.revoked")), 1)

    def test_the_documents_configuration_is_one(self):
        self.configure()
        block = re.search(r"```toml\n(\[intune\.default\].*?)```", DOCUMENT.read_text(), re.DOTALL).group(1)
        text = self.server.config.read_text().partition("[intune.default]")[0]
        here = f'secret = "intune.secret"\nauthority = "{self.cloud.url}"\ngraph = "{self.cloud.url}"'
        self.server.config.write_text(text + re.sub(r'secret = "[^"]*"', here, block))
        checked = self.server.command("check", check=False)
        self.assertNotIn(b"no such key", checked.stderr + checked.stdout)
        self.assertEqual(checked.returncode, 0, checked.stderr)


class Proxy:
    """An HTTP proxy that knows CONNECT alone; remembers where it was asked to."""

    def __init__(self):
        self.asked = []
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.tunnel, args=(connection,), daemon=True).start()

    def tunnel(self, connection):
        head = b""
        while b"\r\n\r\n" not in head:
            head += connection.recv(4096)
        method, target, _ = head.split(b"\r\n")[0].decode().split(" ")
        assert method == "CONNECT"
        self.asked.append(target)
        host, _, port = target.rpartition(":")
        there = socket.create_connection((host, int(port)))
        connection.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
        threading.Thread(target=self.pump, args=(there, connection), daemon=True).start()
        self.pump(connection, there)

    @staticmethod
    def pump(source, sink):
        try:
            while piece := source.recv(65536):
                sink.sendall(piece)
            sink.shutdown(socket.SHUT_WR)
        except OSError:
            pass

    def stop(self):
        self.listener.close()


if __name__ == "__main__":
    unittest.main()
