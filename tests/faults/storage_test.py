"""Disks that fill up, break, turn read-only or lose what they were given, under the store, the audit file, or both.

While it lasts: nobody gets a certificate, everybody gets a clean answer, the daemon stays up and /readyz says that it is not
ready. Once it is over: everything works again without a restart, and what was refused can be asked for again.
"""
import http.client
import json
import time
import unittest

from faults import DISKS, FaultTest
from scep_client import FAILURE, PENDING, SUCCESS, Client, Reply, serial_of

CLIENTS = 4


class Answer:
    def __init__(self, what, seconds):
        self.what, self.seconds = what, seconds


class StorageTest(FaultTest):
    def setUp(self):
        super().setUp()
        self.server = self.faulty_instance().start()
        self.bundle = self.server.ca_bundle()
        self.files = {"store": self.server.home / "countersign.db", "audit": self.server.home / "audit.log"}
        self.slowest = 0.0
        self.slowest_recovery = 0.0
        self.certificates = []  # serial numbers that clients hold

    # --- clients ------------------------------------------------------------------------------------------------------------

    def device(self, name):
        client = Client(self.server, self.bundle, name)
        return client, client.request(self.server.challenge())

    def ask(self, client, message):
        """What the client is told, in a word."""
        begun = time.monotonic()
        try:
            answer = client.post(message)
        except (OSError, http.client.HTTPException) as trouble:
            self.fail(f"no clean answer: {trouble!r}")
        self.slowest = max(self.slowest, time.monotonic() - begun)
        if answer.status != 200:
            self.assertEqual(answer.status, 503, answer)
            self.assertIn("retry-after", answer.headers)
            return "503"
        status = Reply(answer.body).status
        if status == SUCCESS:
            serial = serial_of(client.read_reply(answer, client.nonces[message]).certificate)
            if serial not in self.certificates:
                self.certificates.append(serial)
        return {SUCCESS: "SUCCESS", FAILURE: "FAILURE", PENDING: "PENDING"}[status]

    def ask_until_served(self, client, message):
        self.wait_until(lambda: self.ask(client, message) == "SUCCESS", what=f"the certificate of {client.name}")

    # --- the server ---------------------------------------------------------------------------------------------------------

    def ready(self):
        answer = self.server.http("GET", "/readyz")
        return answer.status == 200

    def problems(self):
        checks = json.loads(self.server.http("GET", "/readyz").body)["checks"]
        return {check["name"] for check in checks if not check["passes"]}

    def recorded(self):
        """Serial numbers in the audit file and in the ledger."""
        audited = [event["serial"] for event in self.server.audit("enrollment.issued")]
        return sorted(audited), sorted(entry["serial"] for entry in self.server.certificates())

    # --- one disaster -------------------------------------------------------------------------------------------------------

    def strike(self, disk, places):
        error, calls = DISKS[disk]
        for rule, place in enumerate(places):
            self.server.orders.arm(rule, calls, error, self.files[place])

    def disaster(self, disk, places):
        devices = [self.device(f"{disk}-{'-'.join(places)}-{number}") for number in range(CLIENTS)]
        before = self.server.certificates()
        self.strike(disk, places)
        answers = [self.ask(client, message) for client, message in devices]
        self.assertNotIn("SUCCESS", answers)
        # Where the commit's own sync failed, nobody knows yet what reached the disk: the client comes again.
        self.assertLessEqual(set(answers), {"503", "PENDING"})
        self.wait_until(lambda: not self.ready(), what="/readyz turning red")
        # Who is found ill is who was asked first and failed: the store is not reached without an audit record.
        self.assertTrue(self.problems() & set(places), self.problems())
        self.assertEqual(self.server.http("GET", "/healthz").status, 200)
        answers += [self.ask(client, message) for client, message in devices]
        self.assertNotIn("SUCCESS", answers)
        self.assertEqual(self.server.certificates(), before, "issued, though it could not be recorded")
        # Of both the audit's alone: without its record the store is not reached.
        self.assertGreater(sum(self.server.orders.failed(rule) for rule, _ in enumerate(places)), 0, "the fault hit nothing")

        self.server.orders.disarm()
        over = time.monotonic()
        client, message = self.device(f"{disk}-{'-'.join(places)}-afterwards")
        self.ask_until_served(client, message)
        self.slowest_recovery = max(self.slowest_recovery, time.monotonic() - over)
        self.wait_until(self.ready, what="/readyz turning green")
        for client, message in devices:
            self.ask_until_served(client, message)
        self.assertTrue(self.server.is_up())
        return answers

    def check_books(self):
        audited, ledger = self.recorded()
        self.assertEqual(sorted(self.certificates), ledger, "the ledger has other certificates than the clients")
        self.assertLessEqual(set(ledger), set(audited), "issued without an audit record")
        self.assertEqual(len(ledger), len(set(ledger)))
        self.server.command("audit", "verify")
        self.assertEqual(self.server.stop(), 0)
        self.server.command("check")

    def suffer(self, places):
        for disk in DISKS:
            answers = self.disaster(disk, places)
            print(f"{disk} {places}: {' '.join(answers)}", flush=True)
        self.check_books()
        print(f"{places}: slowest answer {self.slowest * 1000:.0f} ms, slowest recovery {self.slowest_recovery * 1000:.0f} ms")

    def test_the_stores_disk(self):
        self.suffer(["store"])

    def test_the_audits_disk(self):
        self.suffer(["audit"])
        self.assertTrue(self.server.audit("audit.resumed"))
        self.assertEqual(self.server.audit("audit.broken"), [])

    def test_both_disks(self):
        self.suffer(["store", "audit"])

    def test_a_disk_that_works_is_ready_and_says_nothing(self):
        client, message = self.device("undisturbed")
        self.assertEqual(self.ask(client, message), "SUCCESS")
        self.assertTrue(self.ready())
        self.assertEqual(self.problems(), set())
        self.assertEqual(self.server.audit("audit.resumed"), [])
        self.check_books()

    def test_a_daemon_that_dies_on_a_broken_disk_comes_back_with_everything(self):
        devices = [self.device(f"killed-{number}") for number in range(3)]
        self.strike("unsynced", ["store", "audit"])
        for client, message in devices:
            self.assertIn(self.ask(client, message), ("503", "PENDING"))
        self.server.kill()
        self.server.orders.disarm()
        self.server.start()
        for client, message in devices:
            self.ask_until_served(client, message)
        self.check_books()


if __name__ == "__main__":
    unittest.main()
