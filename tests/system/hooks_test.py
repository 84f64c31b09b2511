"""Policy hooks: the daemon with web services and programs that agree, refuse, lie, dawdle and break."""
import base64
import concurrent.futures
import datetime
import json
import pathlib
import re
import subprocess
import sys
import threading
import unittest

from client_certificates import Certificates
from instance import InstanceTest, basic, free_address, run_ok
from policy_hook import HookServer, SECRET_TEXT, answer_to, approve
from scep_client import BAD_REQUEST, FAILURE, PENDING, SUCCESS, Client

EXAMPLES = pathlib.Path(__file__).resolve().parents[2] / "packaging/examples"
NAMES = ("subjectAltName = DNS:a.example.com,DNS:b.example.com",)


class HookTest(InstanceTest):
    """Each test has an instance whose profile asks a hook. Its template gives two usages, so that there is something to take away."""

    def setUp(self):
        super().setUp()
        self.server = self.instance()
        self.server.set("profile.default", hook="compliance")
        self.server.set("template.device", extended_key_usage=["clientAuth", "emailProtection"],
                        key_usage=["digitalSignature", "keyEncipherment"])
        self.hook = None

    def webhook(self, extra="", connection="", **server):
        """A stand-in behind a URL, and the configuration that names it. `extra` are keys of [hook.compliance]."""
        self.hook = HookServer(**server)
        self.addCleanup(self.hook.close)
        secret = self.server.home / "webhook.secret"
        secret.write_text(SECRET_TEXT + "\n")
        secret.chmod(0o600)
        self.server.append(f"""
[hook.compliance]
type = "webhook"
{extra}
[hook.compliance.webhook]
url = "{self.hook.url}"
secret = "webhook.secret"
{connection}
""")

    def command(self, program, *arguments, extra=""):
        self.server.append(f"""
[hook.compliance]
type = "exec"
{extra}
[hook.compliance.command]
program = "{program}"
arguments = {json.dumps([str(argument) for argument in arguments])}
""")

    def start(self):
        self.server.start()
        self.bundle = self.server.ca_bundle()

    def says(self, **members):
        self.hook.behave = lambda handler, question: handler.send(answer_to(question, **members))

    def client(self, name="device-7"):
        client = Client(self.server, self.bundle, name)
        client.message = client.request(self.server.challenge(), extensions=NAMES)
        return client

    def text_of(self, client):
        return run_ok("openssl", "x509", "-noout", "-text", "-in", client.certificate).stdout.decode()

    def assert_issued(self, number):
        self.assertEqual(len(self.server.certificates()), number)

    def metrics(self):
        return self.server.http("GET", "/metrics").body.decode()

    def assert_no_violations(self):
        self.assertEqual(self.hook.violations, [])


class VerdictTest(HookTest):
    """What an honest hook says."""

    def test_approval_over_tls_with_a_client_certificate(self):
        tls = Certificates(self.server.path("tls"))
        tls.self_signed("hook", "/CN=localhost", "subjectAltName=DNS:localhost")
        tls.client("ra")
        self.webhook(certificate=tls.pem("hook"), key=tls.key("hook"), client_ca=tls.pem("ca"), connection=f"""
trust = "{tls.pem('hook')}"
client_certificate = "{tls.pem('ra')}"
client_key = "{tls.key('ra')}"
""")
        self.start()
        challenge = self.server.challenge()
        client = Client(self.server, self.bundle, "device-7")
        self.assertEqual(client.send(client.request(challenge, extensions=NAMES)).status, SUCCESS, self.server.log())
        self.assert_no_violations()
        self.assertIn("ra", str(self.hook.clients[-1]))
        question, = self.hook.asked()
        self.assertEqual((question["profile"], question["template"], question["purpose"]), ("default", "device", "enroll"))
        self.assertEqual(question["transaction"], client.transaction)
        self.assertEqual(question["plan"]["subject_alt_names"], ["dns:a.example.com", "dns:b.example.com"])
        self.assertNotIn(challenge, json.dumps(question))
        csr = base64.b64decode(question["csr"])
        self.assertNotIn(challenge.encode(), csr)
        shown = run_ok("openssl", "req", "-inform", "DER", "-noout", "-text", stdin=csr).stdout.decode()
        self.assertIn("DNS:a.example.com", shown)
        self.assertIn("device-7", shown)
        self.assertEqual(self.server.requests()[0]["id"], question["request"])
        self.assertIn('countersign_hook_answers_total{hook="compliance",call="verify",answer="approved"} 1', self.metrics())

    def test_a_denial(self):
        self.webhook()
        self.says(decision="deny", reason="reported stolen")
        self.start()
        client = self.client()
        reply = client.send(client.message)
        self.assertEqual((reply.status, reply.fail_info), (FAILURE, BAD_REQUEST))
        self.assert_issued(0)
        self.assertIn("HookDenied: policy hook compliance: reported stolen",
                      self.server.audit("enrollment.refused")[-1]["reason"])
        self.assertNotIn(b"stolen", reply.der)

    def test_what_is_held_is_issued_once_an_officer_approves(self):
        self.webhook()
        self.says(decision="hold", reason="first of its kind", plan={"subject_alt_names": ["dns:b.example.com"]})
        self.start()
        client = self.client()
        self.assertEqual(client.send(client.message).status, PENDING)
        self.assertEqual(client.send(client.poll()).status, PENDING)
        held, = [request for request in self.server.requests() if request["state"] == "held"]
        self.assertIn("policy hook compliance: first of its kind", json.dumps(self.server.json("request", "show", held["id"])))
        self.assert_issued(0)
        self.says(decision="deny")  # too late: an officer decides
        self.server.command("request", "approve", held["id"])
        self.wait_until(lambda: self.server.certificates(), what="a certificate")
        self.assertEqual(client.send(client.poll()).status, SUCCESS)
        self.assertIn("DNS:b.example.com", self.text_of(client))
        self.assertNotIn("DNS:a.example.com", self.text_of(client))
        self.assertEqual(len(self.hook.asked()), 1)

    def test_what_is_taken_away_is_not_in_the_certificate(self):
        self.webhook()
        end = datetime.datetime.now(datetime.timezone.utc).replace(microsecond=0) + datetime.timedelta(days=3)
        self.says(decision="approve", plan={"subject_alt_names": [], "key_usage": ["digitalSignature"],
                                            "extended_key_usage": ["clientAuth"], "not_after": end.isoformat()})
        self.start()
        client = self.client()
        self.assertEqual(client.send(client.message).status, SUCCESS)
        words = self.text_of(client)
        self.assertNotIn("DNS:", words)
        self.assertNotIn("Key Encipherment", words)
        self.assertNotIn("E-mail Protection", words)
        self.assertIn("TLS Web Client Authentication", words)
        self.assertIn(end.strftime("%b %e %H:%M:%S %Y GMT").replace("  ", " "), re.sub(" +", " ", words))
        self.assertIn("EnhancedKeyUsageRemoved", self.server.audit("enrollment.accepted")[0]["remarks"])

    def test_renewals_are_asked_about_with_the_old_certificate(self):
        self.webhook()
        self.start()
        client = self.client()
        self.assertEqual(client.send(client.message).status, SUCCESS)
        old = client.certificate
        again = Client(self.server, self.bundle, "device-7")
        message = again.sign(again.envelop(again.csr(None, extensions=NAMES)), "17", signer=old, key=client.key)
        again.key = client.key  # the reply is for who signed
        self.assertEqual(again.send(message).status, SUCCESS, self.server.log())
        question = self.hook.asked()[1]
        self.assertEqual(question["purpose"], "renew")
        self.assertEqual(question["renewed_certificate"],
                         base64.b64encode(run_ok("openssl", "x509", "-in", old, "-outform", "DER").stdout).decode())


class LyingHookTest(HookTest):
    """Hooks that want more than policy approved."""

    def test_nothing_is_ever_widened(self):
        self.webhook()
        self.start()
        client = self.client()
        later = (datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(days=4000)).isoformat()
        for plan in ({"subject": "CN=administrator"}, {"subject_alt_names": ["dns:a.example.com", "dns:evil.example.com"]},
                     {"subject_alt_names": ["upn:administrator@example.com"]}, {"extended_key_usage": ["clientAuth", "serverAuth"]},
                     {"extended_key_usage": []}, {"extended_key_usage": ["2.5.29.37.0"]}, {"key_usage": ["keyCertSign"]},
                     {"key_usage": []}, {"not_after": later}, {"not_before": "2000-01-01T00:00:00Z"},
                     {"not_after": "2001-01-01T00:00:00Z"}):
            for decision in ("approve", "hold"):
                with self.subTest(plan=plan, decision=decision):
                    self.says(decision=decision, plan=plan)
                    reply = client.send(client.message)
                    self.assertEqual((reply.status, reply.fail_info), (FAILURE, BAD_REQUEST))
        self.assert_issued(0)
        self.assertEqual(len(self.server.audit("hook.overreached")), 22)
        self.assertEqual({line["severity"] for line in self.server.audit("hook.overreached")}, {"alert"})
        self.assertEqual([request for request in self.server.requests() if request["state"] == "held"], [])
        self.assertIn('call="verify",answer="overreached"} 22', self.metrics())
        # It was not the client's fault: the same password is good once the hook is mended.
        self.says(decision="approve")
        self.assertEqual(client.send(client.message).status, SUCCESS)
        self.assert_issued(1)


class BrokenHookTest(HookTest):
    """No verdict: nothing issued, nothing used up, the client told to come again, and then it goes on."""

    def test_every_kind_of_trouble(self):
        self.webhook(extra="failures_to_open = 1000\nseconds = 1")
        self.start()
        client = self.client()
        elsewhere = HookServer()
        self.addCleanup(elsewhere.close)
        members = {"decision": "approve"}
        troubles = {
            "silence": lambda handler, question: handler.hang(),
            "drops": lambda handler, question: handler.drip(approve(question)),
            "flood": lambda handler, question: handler.flood(),
            "half": lambda handler, question: handler.cut(approve(question)),
            "long": lambda handler, question: handler.send(approve(question, reason="x" * 70000)),
            "empty": lambda handler, question: handler.send(b""),
            "no content": lambda handler, question: handler.send(b"", 204),
            "page": lambda handler, question: handler.send(b"<html>approve</html>"),
            "text": lambda handler, question: handler.send(b"approve"),
            "deep": lambda handler, question: handler.send(b"[" * 30000),
            "twice": lambda handler, question: handler.send(approve(question)[:-1] + b', "decision": "approve"}'),
            "trailing": lambda handler, question: handler.send(approve(question) + b"{}"),
            "unknown": lambda handler, question: handler.send(approve(question, subject_alt_name=[])),
            "of another": lambda handler, question: handler.send(answer_to({"id": "0"}, **members)),
            "version": lambda handler, question: handler.send(json.dumps({"version": 2, "id": question["id"], **members}).encode()),
            "nothing said": lambda handler, question: handler.send(answer_to(question)),
            "status": lambda handler, question: handler.send(approve(question), 500),
            "refused": lambda handler, question: handler.send(approve(question), 401),
            "elsewhere": lambda handler, question: handler.send(approve(question), 302, [("Location", elsewhere.url)]),
            "elsewhere for good": lambda handler, question: handler.send(approve(question), 308, [("Location", elsewhere.url)]),
        }
        for name, behave in troubles.items():
            with self.subTest(name):
                self.hook.behave = behave
                answer = client.post(client.message)
                self.assertEqual(answer.status, 503)
                self.assertIn("retry-after", answer.headers)
        self.assert_issued(0)
        self.assertEqual(self.server.requests(), [])
        self.assertEqual(len(self.server.audit("hook.failed")), len(troubles))
        self.assertEqual({line["hook"] for line in self.server.audit("hook.failed")}, {"compliance"})
        self.assertEqual(elsewhere.questions, [])
        self.assert_no_violations()
        # All that was one question to the hook, and the password is as good as ever.
        self.assertEqual(len({question["id"] for question in self.hook.asked()}), 1)
        self.says(decision="approve")
        self.assertEqual(client.send(client.message).status, SUCCESS)
        self.assert_issued(1)
        self.assertIn(f'call="verify",answer="failed"}} {len(troubles)}', self.metrics())

    def test_one_that_is_down_is_left_alone_and_found_again(self):
        self.webhook(extra="failures_to_open = 3\npause_seconds = 1")
        self.hook.stop()
        self.start()  # without it the daemon starts all the same
        client = self.client()
        for _ in range(6):
            self.assertEqual(client.post(client.message).status, 503)
        self.assertIn('countersign_hook_circuit_closed{hook="compliance"} 0', self.metrics())
        self.assertIn("left alone for a while", self.server.audit("hook.failed")[-1]["reason"])
        self.assertEqual(self.server.http("GET", "/readyz").status, 503)
        done = self.server.command("check")
        self.assertIn("hook.compliance: webhook", done.stderr.decode())
        self.hook.start()
        self.wait_until(lambda: client.post(client.message).status == 200, what="an answer")
        self.assert_issued(1)
        self.wait_until(lambda: self.server.http("GET", "/readyz").status == 200, what="readiness")
        self.assertNotIn("webhook", self.server.command("check").stderr.decode())
        self.server.wait_for_log("policy hook compliance answers: Stand-in 7")

    def test_one_whose_tls_nobody_vouches_for(self):
        tls = Certificates(self.server.path("tls"))
        tls.self_signed("hook", "/CN=localhost", "subjectAltName=DNS:localhost")
        tls.self_signed("other", "/CN=localhost", "subjectAltName=DNS:localhost")
        tls.self_signed("misnamed", "/CN=elsewhere", "subjectAltName=DNS:elsewhere.example")
        self.webhook(certificate=tls.pem("other"), key=tls.key("other"), connection=f'trust = "{tls.pem("hook")}"')
        self.start()
        client = self.client()
        self.assertEqual(client.post(client.message).status, 503)
        self.assertEqual((self.hook.questions, self.hook.introductions), ([], 0))
        self.server.set("hook.compliance.webhook", trust=str(tls.pem("misnamed")))
        self.hook.close()
        self.hook.context.load_cert_chain(tls.pem("misnamed"), tls.key("misnamed"))
        self.hook.start()
        self.assertIn("reloaded", self.server.reload())
        self.assertEqual(client.post(client.message).status, 503)
        self.assertEqual((self.hook.questions, self.hook.introductions), ([], 0))
        self.assert_issued(0)

    def test_one_that_does_not_answer_what_it_must_be_asked(self):
        self.command(self.script("""
question = json.load(sys.stdin)
calls = ["notify"] if question["call"] == "initialize" else []
print(json.dumps({"version": 1, "id": question["id"], "name": "Half", "calls": calls, "decision": "approve"}))"""))
        self.start()
        client = self.client()
        self.assertEqual(client.post(client.message).status, 503)
        self.assert_issued(0)

    def test_a_kill_while_the_hook_thinks_loses_nothing(self):
        self.webhook(extra="seconds = 30")
        self.start()
        client = self.client()
        asked = threading.Event()

        def think(handler, question):
            asked.set()
            handler.hang()
        self.hook.behave = think
        with concurrent.futures.ThreadPoolExecutor() as pool:
            waiting = pool.submit(lambda: self.assertRaises(Exception, client.post, client.message))
            self.assertTrue(asked.wait(60))
            self.server.kill()
            waiting.result()
        self.says(decision="approve")
        self.server.start()
        self.assertEqual(client.send(client.message).status, SUCCESS)
        self.assert_issued(1)
        questions = self.hook.asked()
        self.assertEqual(questions[0]["id"], questions[-1]["id"])

    def script(self, body):
        file = self.server.path("hook.py")
        file.write_text(f"#!{sys.executable}\nimport json, sys, os, time\n{body}\n")
        file.chmod(0o700)
        return file


class SlowHookTest(HookTest):
    """One hook keeps nobody waiting but those it is asked about."""

    def test_others_are_served_meanwhile(self):
        self.webhook(extra="seconds = 30\nat_once = 2\nqueue = 2")
        self.server.set("server", workers=2)
        self.server.append("""
[profile.other]
paths = ["/other"]
challenge = { mode = "one-time" }
templates = { signature = "device", encryption = "device", general_purpose = "device" }
""")
        self.start()
        released = threading.Event()

        def think(handler, question):
            released.wait(120)
            handler.send(approve(question))
        self.hook.behave = think
        hooked = [self.client(f"slow-{number}") for number in range(12)]
        other = Client(self.server, self.bundle, "other")
        message = other.request(self.server.challenge("--profile", "other"))
        with concurrent.futures.ThreadPoolExecutor(len(hooked)) as pool:
            waiting = [pool.submit(client.post, client.message) for client in hooked]
            # Four have a place, the others are told to come again while these still wait.
            self.wait_until(lambda: sum(one.done() for one in waiting) == 8, what="answers to those without a place")
            self.assertEqual({one.result().status for one in waiting if one.done()}, {503})
            for _ in range(3):
                answer = self.server.http("POST", self.server.scep_target("PKIOperation", path="/other"), message,
                                          [("Content-Type", "application/x-pki-message")])
                self.assertEqual(answer.status, 200)
            self.assertEqual(other.read_reply(answer).status, SUCCESS)
            self.assertEqual(self.server.http("GET", "/healthz").status, 200)
            self.assertIn(b"RENEWAL", self.server.http("GET", self.server.scep_target("GetCACaps")).body.upper())
            self.assertEqual(sum(one.done() for one in waiting), 8, "the slow ones still wait")
            released.set()
            answers = [one.result() for one in waiting]
        self.assertEqual(sorted(answer.status for answer in answers), [200] * 4 + [503] * 8)
        for client, answer in zip(hooked, answers):
            if answer.status == 200:
                self.assertEqual(client.read_reply(answer).status, SUCCESS)
            else:
                self.assertEqual(client.send(client.message).status, SUCCESS)
        self.assert_issued(13)
        self.assertIn('call="verify",answer="refused"} 8', self.metrics())


class GenerateTest(HookTest):
    """A hook that is asked before a one-time password is given out."""

    def mint(self, *arguments):
        return self.server.command("challenge", "new", *arguments, check=False)

    def test_it_binds_denies_or_is_away(self):
        self.webhook(extra='calls = ["verify", "generate"]')
        self.start()
        self.says(decision="approve", challenge={"subject": "CN=device-7", "valid_minutes": 5})
        challenge = self.mint().stdout.decode().strip()
        self.says(decision="approve")
        stranger = Client(self.server, self.bundle, "device-8")
        self.assertEqual(stranger.send(stranger.request(challenge)).status, FAILURE)
        client = Client(self.server, self.bundle, "device-7")
        self.assertEqual(client.send(client.request(challenge)).status, SUCCESS, self.server.log())
        self.assertEqual(self.hook.asked("generate")[0]["challenge"]["valid_minutes"], 60)

        self.says(decision="approve", challenge={"valid_minutes": 7})
        self.assertRegex(self.page_text(), "(?s)[0-9A-F]{16}.*7 minutes")
        self.says(decision="deny", reason="enough for today")
        done = self.mint()
        self.assertEqual((done.returncode, done.stdout), (1, b""))
        self.assertIn("enough for today", done.stderr.decode())
        # The page that NDES shows to whom it gives no password.
        self.assertNotRegex(self.page_text(), "[0-9A-F]{16}")
        self.assertEqual(self.server.audit("challenge.withheld")[-1]["hook"], "compliance")

        self.says(decision="approve", challenge={"subject": "CN=device-9"})
        self.assertEqual(self.mint("--subject", "CN=device-7").returncode, 1)
        self.hook.stop()
        self.assertEqual(self.mint().returncode, 1)
        self.assertEqual(self.page().status, 503)
        # What the page gave out is all there is.
        self.assertEqual(len(self.server.json("challenge", "list")), 1)

    def page_text(self):
        """Of either encoding, without the blanks of UTF-16."""
        return self.page().body.replace(b"\0", b"").decode("latin-1")

    def page(self):
        user, password = self.server.created["admin_user"], self.server.created["admin_password"]
        return self.server.http("GET", "/certsrv/mscep_admin/", headers=[("Authorization", basic(user, password))])


class NoticeTest(HookTest):
    """A hook that is told what became of what it was asked about."""

    def test_it_is_told_at_least_once_also_after_it_was_away(self):
        self.webhook(extra='calls = ["verify", "notify"]')
        self.start()
        self.says(decision="approve")
        client = self.client()
        self.assertEqual(client.send(client.message).status, SUCCESS, self.server.log())
        self.wait_until(lambda: self.told("issued"), what="the notice")
        notice, question = self.told("issued")[0], self.hook.asked()[0]
        serial = self.server.certificates()[0]["serial"]
        self.assertEqual((notice["request"], notice["transaction"], notice["serial"]),
                         (question["request"], client.transaction, serial))

        self.hook.stop()
        self.server.command("certificate", "revoke", serial, "--reason", "superseded")
        self.wait_until(lambda: 'countersign_notifications_failed_total{receiver="hook:compliance"} 0' not in self.metrics()
                        and "hook:compliance" in self.metrics(), what="a try that fails")
        self.assertEqual(self.told("revoked"), [])
        self.hook.start()
        waiting = self.server.json("notification", "list")[0]
        self.server.command("notification", "retry", waiting["id"])
        self.wait_until(lambda: self.told("revoked"), seconds=90, what="the notice of the revocation")
        self.assertEqual(self.told("revoked")[0]["id"], waiting["id"])
        self.assert_no_violations()

    def test_one_that_does_not_want_to_know_is_not_told(self):
        self.webhook()
        self.start()
        self.says(decision="approve")
        client = self.client()
        self.assertEqual(client.send(client.message).status, SUCCESS, self.server.log())
        self.assertEqual(self.server.json("notification", "list"), [])

    def told(self, event):
        return [notice for notice in self.hook.asked("notify") if notice["event"] == event]


class ExampleTest(HookTest):
    """The examples of the manual, as they stand."""

    def test_the_web_service(self):
        inventory = self.server.path("inventory.json")
        inventory.write_text(json.dumps({"device-7": {"state": "in use", "names": ["dns:a.example.com"]},
                                         "device-8": {"state": "lost", "names": []}}))
        secret = self.server.home / "webhook.secret"
        secret.write_text(SECRET_TEXT + "\n")
        secret.chmod(0o600)
        port = free_address().rpartition(":")[2]
        service = subprocess.Popen([sys.executable, EXAMPLES / "policy-webhook", port, secret, inventory],
                                   stderr=subprocess.DEVNULL)
        self.addCleanup(service.wait)
        self.addCleanup(service.kill)
        self.server.append(f"""
[hook.compliance]
type = "webhook"
failures_to_open = 1000
[hook.compliance.webhook]
url = "http://127.0.0.1:{port}/"
secret = "webhook.secret"
""")
        self.start()
        self.wait_until(lambda: self.server.http("GET", "/readyz").status == 200, what="the service")
        client = self.client("device-7")
        self.assertEqual(client.send(client.message).status, SUCCESS, self.server.log())
        self.assertIn("DNS:a.example.com", self.text_of(client))
        self.assertNotIn("DNS:b.example.com", self.text_of(client))
        lost, unknown = self.client("device-8"), self.client("device-9")
        self.assertEqual(lost.send(lost.message).status, FAILURE)
        self.assertIn("the device is lost", self.server.audit("enrollment.refused")[0]["reason"])
        self.assertEqual(unknown.send(unknown.message).status, PENDING)
        # Another secret, and it answers nobody.
        secret.write_text("whsec_" + base64.b64encode(b"x" * 32).decode())
        self.assertIn("reloaded", self.server.reload())
        late = self.client("device-7")
        self.assertEqual(late.post(late.message).status, 503)

    def test_the_program(self):
        denied = self.server.path("denied")
        denied.write_text("device-8\n")
        self.command(EXAMPLES / "policy-exec", denied, extra='calls = ["verify", "generate"]')
        self.start()
        kiosk, lost, other = self.client("kiosk-1"), self.client("device-8"), self.client("device-7")
        self.assertEqual(kiosk.send(kiosk.message).status, SUCCESS, self.server.log())
        self.assertEqual(run_ok("openssl", "x509", "-noout", "-checkend", str(6 * 86400), "-in", kiosk.certificate).returncode, 0)
        self.assertIn("will expire", self.expiry(kiosk, 8))
        self.assertEqual(lost.send(lost.message).status, FAILURE)
        self.assertIn("device-8 is on the list", self.server.audit("enrollment.refused")[0]["reason"])
        self.assertEqual(other.send(other.message).status, SUCCESS)
        self.assertIn("will not expire", self.expiry(other, 8))
        minted = self.server.audit("challenge.minted")[0]
        life = datetime.datetime.fromisoformat(minted["expires"].replace("Z", "+00:00")) - datetime.datetime.fromisoformat(
            minted["time"].replace("Z", "+00:00"))
        self.assertLessEqual(life, datetime.timedelta(minutes=15, seconds=5))
        denied.unlink()  # the program breaks
        broken = self.client("device-7")
        self.assertEqual(broken.post(broken.message).status, 503)
        self.assertIn("FileNotFoundError", self.server.audit("hook.failed")[0]["reason"])

    def expiry(self, client, days):
        return subprocess.run(["openssl", "x509", "-noout", "-checkend", str(days * 86400), "-in", client.certificate],
                              capture_output=True, check=False).stdout.decode()


class ConfigurationTest(HookTest):
    def test_what_cannot_work_does_not_start(self):
        self.command(self.server.path("missing"))
        done = self.server.command("check", check=False)
        self.assertEqual(done.returncode, 1)
        self.assertIn("is no program this user may run", done.stderr.decode())
        self.server.start(wait=False)
        self.assertNotEqual(self.server.process.wait(60), 0)
        self.server.process = None

    def test_a_secret_others_can_read_or_that_is_none(self):
        self.webhook()
        secret = self.server.home / "webhook.secret"
        secret.chmod(0o644)
        self.assertEqual(self.server.command("check", check=False).returncode, 1)
        secret.chmod(0o600)
        secret.write_text("hunter2\n")
        done = self.server.command("check", check=False)
        self.assertEqual(done.returncode, 1)
        self.assertIn("whsec_", done.stderr.decode())
        self.assertNotIn("hunter2", done.stderr.decode())


if __name__ == "__main__":
    unittest.main()
