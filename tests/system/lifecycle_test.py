"""The daemon's life: signals, restarts, power cuts, its log, and what never stands in it."""
import base64
import http.client
import os
import resource
import signal
import socket
import subprocess
import threading
import unittest

from instance import InstanceTest, Toml, read_to_end, run_ok
from scep_client import Client, FAILURE, PENDING, Reply, SUCCESS

PATH = "/certsrv/mscep/mscep.dll"
WRONG = "0011223344556677"


def enroll(server, bundle, name, password):
    client = Client(server, bundle, name)
    client.message = client.request(password)
    return client, client.send(client.message)


class SignalsTest(InstanceTest):
    def test_sigterm_finishes_what_is_in_flight(self):
        server = self.instance().start()
        client = Client(server, server.ca_bundle(), "draining")
        message = client.request(server.challenge())
        idle = server.connect()
        self.addCleanup(idle.close)
        with server.connect() as connection:
            connection.sendall(f"POST {PATH}?operation=PKIOperation HTTP/1.1\r\nHost: x\r\nContent-Length: {len(message)}\r\n\r\n".encode() +
                               message[:100])
            # The head must have been read before the signal: a second connection's answer says that the loop came by.
            for _ in range(3):
                server.http("GET", f"{PATH}?operation=GetCACaps")
            server.process.send_signal(signal.SIGTERM)
            server.wait_for_log("draining")
            self.wait_until(lambda: not accepts(server), what="the listener being closed")
            connection.sendall(message[100:])
            head, _, body = read_to_end(connection).partition(b"\r\n\r\n")
        self.assertRegex(head, rb"^HTTP/1\.1 200 ")
        self.assertIn(b"connection: close", head.lower())
        self.assertEqual(Reply(body).status, SUCCESS)
        self.assertEqual(read_to_end(idle), b"")
        process, server.process = server.process, None
        self.assertEqual(process.wait(60), 0)
        self.assertRegex(server.log(), r"stopped\n$")
        self.assertEqual([one["event"] for one in server.audit()][-1], "daemon.stopped")

    def test_a_second_daemon_on_the_same_store_refuses_to_start(self):
        server = self.instance().start()
        second = subprocess.run([os.environ["COUNTERSIGND_BIN"], "--config", server.config], capture_output=True, text=True,
                                timeout=60, check=False)
        self.assertEqual(second.returncode, 1, second.stderr)
        self.assertIn("another daemon", second.stderr)
        self.assertEqual(server.http("GET", f"{PATH}?operation=GetCACaps").status, 200)

    def test_sigterm_does_not_wait_for_ever(self):
        server = self.instance()
        server.set("server", drain_timeout=1)
        server.start()
        with server.connect() as connection:
            connection.sendall(f"POST {PATH}?operation=PKIOperation HTTP/1.1\r\nContent-Length: 5000\r\n\r\n".encode())
            server.http("GET", PATH)
            self.assertEqual(server.stop(), 0)
            self.assertNotIn(b"200", read_to_end(connection))

    def test_sighup_takes_a_new_configuration(self):
        server = self.instance().start()
        bundle = server.ca_bundle()
        self.assertEqual(server.http("GET", "/second?operation=GetCACaps").status, 404)
        server.append('[profile.second]\npaths = ["/second"]\nchallenge = { mode = "none" }\n'
                      'templates = { signature = "device", encryption = "device", general_purpose = "device" }')
        server.set("template.device", validity_days=10)
        password = server.challenge()
        connection = http.client.HTTPConnection(*server.address.rsplit(":", 1), timeout=30)
        self.addCleanup(connection.close)
        connection.request("GET", f"{PATH}?operation=GetCACaps")
        connection.getresponse().read()
        self.assertIn("reloaded", server.reload())
        self.assertEqual(server.http("GET", "/second?operation=GetCACaps").status, 200)
        # A connection from before goes on.
        connection.request("GET", f"{PATH}?operation=GetCACaps")
        self.assertEqual(connection.getresponse().status, 200)
        client, reply = enroll(server, bundle, "reloaded", password)
        self.assertEqual(reply.status, SUCCESS)
        run_ok("openssl", "x509", "-noout", "-checkend", str(9 * 86400), "-in", client.certificate)
        with self.assertRaises(AssertionError):
            run_ok("openssl", "x509", "-noout", "-checkend", str(11 * 86400), "-in", client.certificate)

    def test_sighup_with_a_broken_configuration_changes_nothing(self):
        server = self.instance().start()
        server.set("profile.default", pathes=["/x"])
        self.assertRegex(server.reload(), r"not reloaded")
        self.assertIn("pathes", server.log())
        self.assertEqual(server.http("GET", f"{PATH}?operation=GetCACaps").status, 200)
        self.assertTrue(server.is_up())

    def test_an_empty_request_and_other_signals_do_no_harm(self):
        server = self.instance().start()
        for _ in range(20):
            server.connect().close()
        server.process.send_signal(signal.SIGPIPE)
        self.assertEqual(server.http("GET", f"{PATH}?operation=GetCACaps").status, 200)


class DurabilityTest(InstanceTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.server = cls.shared_instance().start()
        cls.bundle = cls.server.ca_bundle()

    def after(self, interruption):
        name = interruption.__name__
        kept, used = self.server.challenge(), self.server.challenge()
        first, reply = enroll(self.server, self.bundle, f"before-{name}", used)
        self.assertEqual(reply.status, SUCCESS)
        interruption()
        # The used one stays used, the kept one stays good, and the lost answer can be asked for again.
        self.assertEqual(enroll(self.server, self.bundle, f"thief-{name}", used)[1].status, FAILURE)
        self.assertEqual(enroll(self.server, self.bundle, f"after-{name}", kept)[1].status, SUCCESS)
        self.assertEqual(first.send(first.message).certificate, first.certificate.read_text())
        subjects = [one["subject"] for one in self.server.certificates()]
        self.assertEqual((subjects.count(f"CN=before-{name}"), subjects.count(f"CN=thief-{name}"), subjects.count(f"CN=after-{name}")), (1, 0, 1))

    def test_a_restart(self):
        def restart():
            self.server.restart()

        self.after(restart)

    def test_a_power_cut(self):
        def cut():
            self.server.kill()
            self.server.start()

        self.after(cut)

    def test_power_cuts_under_load_issue_nothing_twice(self):
        clients = [Client(self.server, self.bundle, f"load-{number}") for number in range(12)]
        for client in clients:
            client.message = client.request(self.server.challenge())

        def send(client):
            try:
                client.post(client.message)
            except (OSError, http.client.HTTPException):
                pass  # cut off

        for cut in range(3):
            threads = [threading.Thread(target=send, args=(client,)) for client in clients[cut * 4:cut * 4 + 4]]
            for thread in threads:
                thread.start()
            threads[0].join()
            self.server.kill()
            for thread in threads:
                thread.join()
            self.server.start()
        for client in clients:
            self.wait_until(lambda client=client: client.send(client.message).status == SUCCESS, what=client.name)
        subjects = [one["subject"] for one in self.server.certificates()]
        for client in clients:
            self.assertEqual(subjects.count(f"CN={client.name}"), 1)

    def test_a_rotated_audit_log_goes_on_in_a_new_file(self):
        log = self.server.home / "audit.log"
        log.rename(self.server.home / "audit.1")
        self.addCleanup(lambda: (self.server.home / "audit.1").rename(self.server.path("audit.1")))
        enroll(self.server, self.bundle, "rotated", WRONG)
        self.assertIn("CN=rotated", log.read_text())

    def test_what_cannot_be_recorded_is_not_issued(self):
        server = self.instance().start()
        bundle = server.ca_bundle()
        password = server.challenge()
        log = server.home / "audit.log"
        log.rename(server.path("kept"))
        log.mkdir()
        client = Client(server, bundle, "unrecorded")
        client.message = client.request(password)
        answer = client.post(client.message)
        self.assertEqual(answer.status, 503)
        self.assertIn("retry-after", answer.headers)
        log.rmdir()
        server.path("kept").rename(log)
        self.assertEqual(server.certificates(), [])
        # The password is as good as before.
        self.assertEqual(client.send(client.message).status, SUCCESS)


class LogTest(InstanceTest):
    def test_no_secret_is_ever_logged(self):
        server = self.instance()
        server.set("log", level="debug")
        server.start()
        bundle = server.ca_bundle()
        good, unused = server.challenge(), server.challenge()
        client, reply = enroll(server, bundle, "secret", good)
        self.assertEqual(reply.status, SUCCESS)
        enroll(server, bundle, "secret-2", good)
        enroll(server, bundle, "secret-3", "MYSECRETGUESS")
        enroll(server, bundle, "secret-4", "A" * 300)
        client.get(client.request("GETSECRET"))
        server.http("GET", f"{PATH}?operation=PKIOperation&message=UVVFUllTRUNSRVQ%3D")
        server.reload()
        self.assertEqual(server.stop(), 0)
        everything = server.log() + (server.home / "audit.log").read_text()
        pepper = next(file for file in server.home.rglob("*pepper*")).read_bytes()
        for secret in (good, unused, good.lower(), "MYSECRETGUESS", "A" * 300, "GETSECRET", "UVVFUllTRUNSRVQ", "QUERYSECRET",
                       server.created["admin_password"], pepper.hex(), pepper.hex().upper(), "PRIVATE KEY"):
            self.assertNotIn(secret, everything)
        # Nor does the store hold a password, not inside a request either.
        for file in server.home.glob("countersign.db*"):
            self.assert_nothing_of((good, unused), file.read_bytes())

    def assert_nothing_of(self, secrets, octets):
        for secret in secrets:
            for form in (secret.encode(), secret.lower().encode(), bytes.fromhex(secret), secret.encode("utf-16-le"), secret.encode("utf-16-be")):
                self.assertNotIn(form, octets)
                # As it stands within base64 that began one, two or no octets before it.
                for before in range(3):
                    inner = base64.b64encode(b"\0" * before + form)[4 if before else 0:]
                    self.assertNotIn(inner[:len(inner) // 4 * 4 - 4], octets)

    def test_a_shared_password_is_not_in_the_store_nor_shown_with_a_request(self):
        shared = "5AFE" * 4
        server = self.instance()
        secret = server.path("password")
        secret.write_text(shared)
        secret.chmod(0o600)
        server.set("profile.default", challenge=Toml(f'{{ mode = "single-password", password_file = "{secret}" }}'))
        server.set("template.device", hold_for_approval=True)
        server.start()
        client, reply = enroll(server, server.ca_bundle(), "shared", shared)
        self.assertEqual(reply.status, PENDING)
        (held,) = server.json("request", "list", "--state", "held")
        shown = server.json("request", "show", held["id"])["csr"]
        self.assertIn("BEGIN CERTIFICATE REQUEST", shown)
        self.assert_nothing_of((shared,), base64.b64decode("".join(shown.splitlines()[1:-1])))
        server.command("request", "approve", held["id"])
        self.wait_until(lambda: client.send(client.poll()).status == SUCCESS, what="the certificate")
        self.assertEqual(server.stop(), 0)
        for file in server.home.glob("countersign.db*"):
            self.assert_nothing_of((shared,), file.read_bytes())

    def test_each_refusal_has_a_line_that_says_why(self):
        server = self.instance().start()
        bundle = server.ca_bundle()

        def refused(reason, act):
            before = len(server.audit())
            act()
            (entry,) = server.audit()[before:]
            self.assertRegex(entry["reason"], reason)
            self.assertEqual((entry["profile"], entry["client"]), ("default", entry["client"]))
            self.assertTrue(entry["client"].startswith("127."))
            self.assertIn(entry["reason"], server.log().replace("\\\"", '"'))
            return entry

        client = Client(server, bundle, "why")
        refused(r"(?i)challenge|password", lambda: client.send(client.request(WRONG)))
        refused(r"(?i)challenge|password", lambda: client.send(client.request(None)))
        used = server.challenge()
        self.assertEqual(enroll(server, bundle, "user", used)[1].status, SUCCESS)
        self.assertEqual(refused(r"(?i)used|consumed", lambda: client.send(client.request(used)))["event"], "challenge.reused")
        refused(r"(?i)sign", lambda: client.post(client.request(WRONG)[:-1] + b"\0"))
        refused(r".", lambda: client.post(b"garbage"))
        bound = server.challenge("--subject", "CN=somebody else")
        entry = refused(r"(?i)subject", lambda: client.send(client.request(bound)))
        self.assertEqual(entry["subject"], "CN=why")
        other = Client(server, bundle, "other")
        foreign = client.envelop(other.csr(server.challenge()))
        refused(r"(?i)key", lambda: client.send(client.sign(foreign)))

    def test_each_request_has_a_line(self):
        server = self.instance().start()
        server.http("GET", f"{PATH}?operation=GetCACaps")
        server.wait_for_log(rf"127\.\S+ GET {PATH} GetCACaps -> 200")
        server.http("GET", "/nowhere")
        server.wait_for_log(r"GET /nowhere - -> 404")

    def test_a_free_port_and_the_addresses_are_logged(self):
        server = self.instance().start()
        self.assertEqual(server.listening_on(), [server.address])


def accepts(server):
    try:
        server.connect(timeout=5).close()
        return True
    except OSError:
        return False


class DescriptorTest(InstanceTest):
    def test_takes_as_many_as_the_system_allows_and_says_when_they_are_too_few(self):
        hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        instance = self.instance()
        soft_before = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (256, hard))
        try:
            instance.start()
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, soft_before)
        self.assertEqual(resource.prlimit(instance.process.pid, resource.RLIMIT_NOFILE)[0], hard)
        self.assertNotIn("LimitNOFILE", instance.log())
        instance.stop()
        instance.set("server", max_connections=hard)
        instance.start()
        self.assertIn(f"raise LimitNOFILE in the unit to {hard + 256}", instance.log())


class NotifyTest(InstanceTest):
    def test_tells_systemd_that_it_is_ready_and_stopping(self):
        server = self.instance()
        path = server.path("notify")
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
            listener.bind(str(path))
            listener.settimeout(60)
            os.environ["NOTIFY_SOCKET"] = str(path)
            try:
                server.start()
            finally:
                del os.environ["NOTIFY_SOCKET"]
            self.assertIn(b"READY=1", listener.recv(4096))
            self.assertEqual(server.stop(), 0)
            self.assertIn(b"STOPPING=1", listener.recv(4096))


if __name__ == "__main__":
    unittest.main()
