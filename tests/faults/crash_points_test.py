"""kill -9 of a daemon at every point of an enrollment that has a name, one after the other on the same store; each client then says
the same again to the next daemon and gets its one certificate.

COUNTERSIGND_BIN is countersignd_faults here. Points that no enrollment reaches are left to the unit tests that kill a process, or
throw, there; the last test reads the source and fails when a point is left to nobody.
"""
import http.client
import pathlib
import re
import shutil
import sys
import unittest

import ca_elsewhere
from instance import InstanceTest
from scep_client import PENDING, SUCCESS, Client, Reply, serial_of

ROOT = pathlib.Path(__file__).resolve().parents[2]


def around(*kinds):
    """Just before and just after the commits of these kinds."""
    return [f"store.{when}_commit.{kind}" for kind in kinds for when in ("before", "after")]


ENROLLING = ["enroll.after_intent", "enroll.after_countersign", "enroll.after_submit", "enroll.after_record", "enroll.before_reply",
             *around("intent", "issued")]
RECOVERING = around("waiting", "submitting")  # by the daemon that finds what a killed one began
# Before that commit nobody here knows the handle, and a command cannot be asked by key: an officer decides.
CA_HOLDS = ["store.after_commit.pending", "enroll.after_handle"]


class CrashTest(InstanceTest):
    def setUp(self):
        super().setUp()
        self.server = self.instance()
        self.clients = []
        self.served = []

    def start(self, crash_at=None):
        self.server.environment = {**self.server.environment, "COUNTERSIGN_CRASH_AT": f"{crash_at}:1" if crash_at else "nowhere:1"}
        self.server.start(wait=crash_at is None)

    def listens(self):
        return not self.server.is_up() or self.server.listening_on()

    def expect_the_kill(self, crash_at):
        self.assertEqual(self.server.process.wait(60), -9, crash_at)
        self.server.process = None

    def client(self):
        client = Client(self.server, self.bundle, f"device-{len(self.clients)}")
        client.message = client.request(self.server.challenge())
        self.clients.append(client)
        return client

    def ask(self, client):
        """What it was told, or None when nobody answered."""
        try:
            answer = client.post(client.message)
        except (OSError, http.client.HTTPException):
            return None
        if answer.status != 200:
            self.assertEqual(answer.status, 503)
            return None
        status = Reply(answer.body).status
        self.assertIn(status, (SUCCESS, PENDING), "a client who did nothing wrong was refused")
        if status == SUCCESS:
            self.served.append(serial_of(client.read_reply(answer, client.nonces[client.message]).certificate))
        return status

    def ask_until_served(self, client):
        self.wait_until(lambda: self.ask(client) == SUCCESS, 60, f"the certificate of {client.name}")

    def kill_while(self, point, act):
        """Starts a daemon that dies at `point`, lets act() bring it there, and has the next one take over."""
        with self.subTest(point):
            self.start(point)
            self.wait_until(self.listens, what="the daemon")
            if self.server.is_up():
                act()
            self.expect_the_kill(point)
            self.start()

    def stop(self):
        self.assertEqual(self.server.stop(), 0)

    def first_start(self):
        self.start()
        self.bundle = self.server.ca_bundle()
        self.stop()

    def check_books(self):
        ledger = sorted(entry["serial"] for entry in self.server.certificates())
        self.assertEqual(sorted(set(self.served)), ledger, "the ledger has other certificates than the clients")
        self.assertEqual(len(ledger), len(self.clients), "not one certificate for each password")
        audited = {event["serial"] for event in self.server.audit("enrollment.issued")}
        self.assertLessEqual(set(ledger), audited, "issued without an audit record")
        self.assertEqual({one["state"] for one in self.server.requests()} - {"issued", "failed"}, set())
        states = [one["state"] for one in self.server.json("challenge", "list", "--all")]
        self.assertEqual(states.count("consumed"), len(self.clients))
        self.assertNotIn("reserved", states)
        self.server.command("audit", "verify")
        self.server.command("check")


class LocalCa(CrashTest):
    def test_while_somebody_enrolls(self):
        self.first_start()
        for point in ENROLLING:
            client = self.client()
            self.kill_while(point, lambda one=client: self.ask(one))
            self.ask_until_served(client)
            self.stop()
        for point in RECOVERING:
            client = self.client()
            self.start("enroll.after_intent")
            self.wait_until(self.listens, what="the daemon")
            self.ask(client)
            self.expect_the_kill("enroll.after_intent")
            self.kill_while(point, lambda: None)
            self.ask_until_served(client)
            self.stop()
        self.check_books()


class CaSomewhereElse(CrashTest):
    """The `openssl ca` example behind a script that can hold requests."""

    def setUp(self):
        super().setUp()
        self.home = ca_elsewhere.move_ca_away(self.server)
        examples = ROOT / "packaging/examples"
        shutil.copy(examples / "openssl-ca.cnf", self.home / "openssl.cnf")
        ca_elsewhere.use_ca(self.server, f"""type = "exec"
[ca.default.command]
program = "{sys.executable}"
arguments = ["{ROOT}/tests/support/command_ca.py", "{examples}/openssl-ca", "{self.home}"]""")
        self.server.set("template.device", key_usage=["digitalSignature", "keyEncipherment"])

    def test_while_it_holds_the_request(self):
        self.first_start()
        for point in CA_HOLDS:
            (self.home / "released").unlink(missing_ok=True)
            (self.home / "next").write_text("hold")
            client = self.client()
            self.kill_while(point, lambda one=client: self.ask(one))
            (self.home / "released").touch()
            self.ask_until_served(client)
            self.stop()
        self.check_books()


class TheList(unittest.TestCase):
    """What is killed where."""

    # Not part of an enrollment. tests/unit/store/crash_test.cpp kills a process at each of the store's; of the RA's own
    # renewal tests/unit/ra/renewer_test.cpp throws at each.
    UNIT_TESTS = ("tests/unit/store/crash_test.cpp", "tests/unit/ra/renewer_test.cpp")
    # Nobody kills at these: what has become of notifications that were recorded with what they tell of, the tidying of
    # what has expired, and the question whether the store can be written.
    NOBODY = {"announce", "delivery", "notification_retry", "notification_drop", "used_challenge_purge", "probe"}

    def test_no_point_is_left_to_nobody(self):
        source = "\n".join(file.read_text() for file in sorted((ROOT / "src").rglob("*.cpp")))
        points = set(re.findall(r'\breach\("((?:enroll|ra)\.[a-z_]+)"\)', source))
        kinds = set(re.findall(r'writer_?\.run\(\s*"([a-z_]+)"', source))
        self.assertGreater(len(points), 10)
        self.assertGreater(len(kinds), 10)
        here = {*ENROLLING, *RECOVERING, *CA_HOLDS}
        elsewhere = "\n".join((ROOT / file).read_text() for file in self.UNIT_TESTS)
        named = set(re.findall(r'"([a-z_.]+)"', elsewhere))
        left = {point for point in points if point not in here and point not in named}
        left |= {kind for kind in kinds if not set(around(kind)) <= here and kind not in named}
        self.assertEqual(left, self.NOBODY, "no test kills there, or one does by now")
        gone = {point for point in here if point.startswith("enroll.") and point not in points}
        self.assertEqual(gone, set(), "killed at points that are not there")


if __name__ == "__main__":
    unittest.main()
