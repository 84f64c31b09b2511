"""Several daemons on one PostgreSQL, behind the shipped nginx configuration, as docs/operations/high-availability.md sets them up."""
import concurrent.futures
import os
import pathlib
import shutil
import signal
import subprocess
import time
import unittest

from instance import Instance, InstanceTest, countersign, die_with_parent, free_address, run, run_ok, text
from postgresql import Postgresql
from scep_client import PENDING, SUCCESS, Client

ROOT = pathlib.Path(__file__).resolve().parents[2]
CLIENTS = int(os.environ.get("COUNTERSIGN_NODES_CLIENTS", "16"))


class Front:
    """What a client sees: the proxy's address instead of a node's."""

    def __init__(self, node, address):
        self.node = node
        self.address = address

    def http(self, method, target, body=None, headers=()):
        return self.node.http(method, target, body, headers, address=self.address)

    def scep_target(self, *arguments):
        return self.node.scep_target(*arguments)

    def path(self, name):
        return self.node.path(name)


class SeveralNodes(InstanceTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.database = Postgresql()
        cls.addClassCleanup(cls.database.close)
        cls.one = Instance()
        cls.class_instances.append(cls.one)
        cls.one.init("--ca-key", "rsa2048", "--store", cls.database.url)
        cls.one.set("[listener]", trusted_proxies=["127.0.0.1"])
        cls.two = Instance()
        cls.class_instances.append(cls.two)
        shutil.copytree(cls.one.home, cls.two.home)
        cls.two.created = {**cls.one.created, "config": str(cls.two.home / cls.one.config.name)}
        cls.two.set("[listener]", address=cls.two.address)
        cls.nodes = (cls.one, cls.two)
        for node in cls.nodes:
            node.start()
        cls.bundle = cls.one.ca_bundle()
        cls.start_nginx()

    @classmethod
    def start_nginx(cls):
        directory = cls.one.path("nginx")
        directory.mkdir()
        cls.front = Front(cls.one, free_address())
        shipped = (ROOT / "packaging/nginx/countersign.conf").read_text()
        shared = shipped.split("# Devices:")[0]
        assert "server 127.0.0.1:8080;" in shared
        shared = shared.replace("server 127.0.0.1:8080;", f"server {cls.one.address} fail_timeout=1s; server {cls.two.address} fail_timeout=1s;")
        shared = shared.replace("proxy_set_header X-Client-Certificate $ssl_client_escaped_cert;", "")
        (directory / "nginx.conf").write_text(f"""pid {directory}/pid; error_log {directory}/error.log; daemon off; master_process off;
events {{}}
http {{
access_log off;
client_body_temp_path {directory}/body; proxy_temp_path {directory}/proxy; fastcgi_temp_path {directory}/f;
uwsgi_temp_path {directory}/u; scgi_temp_path {directory}/s;
{shared}
server {{ listen {cls.front.address}; location / {{ proxy_pass http://countersign; }} }}
}}
""")
        process = subprocess.Popen(["/usr/sbin/nginx", "-e", str(directory / "error.log"), "-c", str(directory / "nginx.conf")],
                                   preexec_fn=die_with_parent)
        cls.addClassCleanup(lambda: (process.send_signal(signal.SIGTERM), process.wait(30)))
        for _ in range(200):
            if run("curl", "-s", "-o", "/dev/null", f"http://{cls.front.address}/").returncode == 0:
                return
            time.sleep(0.05)
        raise AssertionError("nginx does not come up")

    def client(self, name, through=None):
        return Client(through or self.front, self.bundle, name)

    def enroll(self, client, challenge, seconds=90):
        """As a device does: asks again, with the same message or a poll, until there is an answer."""
        message, deadline = client.request(challenge), time.monotonic() + seconds
        asked = message
        while time.monotonic() < deadline:
            try:
                answer = client.post(asked)
            except OSError:
                time.sleep(0.1)
                continue
            if answer.status == 200:
                reply = client.read_reply(answer, client.nonces[asked])
                if reply.status != PENDING:
                    return reply.status
                asked = client.poll()
            time.sleep(0.2)
        return "never"

    def issued(self):
        return int(self.database.query("SELECT COUNT(*) FROM certificates WHERE kind = 'enroll'"))

    def test_a_password_of_one_node_is_good_at_the_other_and_once(self):
        password = self.one.challenge()
        first = self.client("elsewhere", self.two)
        self.assertEqual(first.send(first.request(password)).status, SUCCESS)
        again = self.client("again", self.one)
        self.assertNotEqual(again.send(again.request(password)).status, SUCCESS)
        states = {node.json("challenge", "list", "--all")[0]["state"] for node in self.nodes}
        self.assertEqual(len(states), 1, "both nodes tell the same")

    def test_one_password_at_both_nodes_at_once_gives_one_certificate(self):
        rounds, before = 6, self.issued()
        with concurrent.futures.ThreadPoolExecutor(4) as pool:
            for number in range(rounds):
                password = self.one.challenge()
                devices = [self.client(f"race-{number}-{place}", self.nodes[place % 2]) for place in range(4)]
                messages = [device.request(password) for device in devices]
                answers = list(pool.map(lambda pair: pair[0].send(pair[1]).status, zip(devices, messages)))
                self.assertEqual(answers.count(SUCCESS), 1, answers)
        self.assertEqual(self.issued() - before, rounds)

    def test_one_message_at_both_nodes_at_once_is_one_enrollment(self):
        before = self.issued()
        device = self.client("twins")
        message = device.request(self.one.challenge())
        with concurrent.futures.ThreadPoolExecutor(2) as pool:
            answers = list(pool.map(lambda node: node.http("POST", node.scep_target("PKIOperation"), message,
                                                           (("Content-Type", "application/x-pki-message"),)), self.nodes))
        self.assertIn(200, [answer.status for answer in answers])
        device.instance = self.front
        self.assertEqual(self.send_again(device, message), SUCCESS)
        self.assertEqual(self.issued() - before, 1)

    def send_again(self, device, message):
        for _ in range(50):
            answer = device.post(message)
            if answer.status == 200:
                status = device.read_reply(answer, device.nonces[message]).status
                if status != PENDING:
                    return status
            time.sleep(0.1)
        return "never"

    def test_a_node_killed_under_load_costs_nobody_a_certificate(self):
        before = self.issued()
        devices = [self.client(f"load-{number}") for number in range(CLIENTS)]
        passwords = [self.one.challenge() for _ in devices]
        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            running = [pool.submit(self.enroll, *pair) for pair in zip(devices, passwords)]
            while not running[1].done():
                time.sleep(0.01)
            self.two.kill()
            ends = [one.result() for one in running]
        self.two.start()
        self.assertEqual(ends, [SUCCESS] * CLIENTS)
        self.assertEqual(self.issued() - before, CLIENTS, "each got one certificate, and no more were made")
        self.assertEqual(self.database.query("SELECT COUNT(*) FROM attempts WHERE state IN ('intent', 'approved')"), "0")

    def test_the_database_away_is_said_and_overcome(self):
        device = self.client("patient", self.one)
        password = self.one.challenge()
        self.database.stop("immediate")
        answer = device.post(device.request(password))
        self.assertEqual(answer.status, 503)
        self.assertEqual(self.one.http("GET", "/readyz").status, 503)
        done = countersign("challenge", "list", "--config", self.one.config)
        self.assertNotEqual(done.returncode, 0)
        self.database.start()
        self.assertEqual(self.enroll(device, password), SUCCESS)
        for node in self.nodes:
            self.wait_until(lambda node=node: node.http("GET", "/readyz").status == 200, what="readyz")

    def test_an_instance_is_not_made_over_another(self):
        directory = self.one.path("second")
        done = countersign("init", directory, "--store", self.database.url)
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("holds an instance already", text(done))
        self.assertFalse(directory.exists())
        done = countersign("init", directory, "--store", 'postgresql://h/d?x="')
        self.assertIn("--store", text(done))
        self.assertFalse(directory.exists())

    def test_the_schema_may_be_migrated_under_running_nodes(self):
        done = self.one.command("store", "migrate")
        self.assertRegex(text(done), r"schema (\d+) -> \1")
        device = self.client("after-migration")
        self.assertEqual(self.enroll(device, self.two.challenge()), SUCCESS)

    def test_crl_numbers_never_repeat(self):
        serial = self.certificate_of("to-be-revoked")
        self.two.command("certificate", "revoke", serial, "--reason", "superseded")
        for node in self.nodes:
            self.wait_until(lambda node=node: serial in self.revoked_at(node), what="the CRL")
        numbers = [self.crl_number(node) for node in self.nodes]
        self.assertEqual(len(numbers), len(set(numbers)), numbers)

    def certificate_of(self, name):
        device = self.client(name)
        self.assertEqual(self.enroll(device, self.one.challenge()), SUCCESS)
        return next(entry["serial"] for entry in self.one.certificates() if entry["subject"] == f"CN={name}")

    def crl(self, node):
        answer = node.http("GET", "/crl/default.crl")
        self.assertEqual(answer.status, 200, answer)
        return run_ok("openssl", "crl", "-inform", "DER", "-noout", "-text", stdin=answer.body).stdout.decode()

    def revoked_at(self, node):
        return self.crl(node).lower().replace(":", "")

    def crl_number(self, node):
        lines = self.crl(node).splitlines()
        return lines[next(at for at, line in enumerate(lines) if "CRL Number" in line) + 1].strip()


if __name__ == "__main__":
    unittest.main()
