"""PostgreSQL thrown away under load, and a standby promoted in its place: nothing is issued without a record, nothing is lost, no password is
burnt, and nobody has to help."""
import threading
import time
import unittest

from nodes import NodesTest
from postgresql import Postgresql
from scep_client import SUCCESS
from scep_crowd import Device, QuickClient

OUTAGES = ("immediate", "fast", "immediate")


class DatabaseTest(NodesTest):
    def straight(self, name):
        """Devices at the nodes themselves: what they hear is what a daemon says, not a proxy."""
        return self.crowd(name, front=lambda number: self.nodes[number % 2])

    def assert_every_password_is_used_or_good(self, crowd):
        used = len(crowd.devices)
        states = self.challenge_states()
        # Beside those of devices, passwords whose minting was answered 503 may lie there unused.
        self.assertEqual({state: count for state, count in states.items() if state != "outstanding"}, {"consumed": str(used)})


class DatabaseAway(DatabaseTest):
    def test_an_outage_under_load_is_said_and_overcome(self):
        with self.straight("outage") as crowd:
            for mode in OUTAGES:
                self.wait_for_served(crowd, 10, "load")
                said = crowd.answers()["503"]
                self.database.stop(mode)
                for node in self.nodes:
                    self.wait_until(lambda node=node: node.http("GET", "/readyz").status == 503, what="readyz")
                    self.assertNotEqual(node.command("challenge", "list", check=False).returncode, 0)
                # Each of those who were there has been told so.
                self.wait_until(lambda: crowd.answers()["503"] >= said + 2 * crowd.width, what="503")
                self.assertEqual(self.two.http("GET", "/healthz").status, 200)
                self.database.start()
                self.wait_until_ready()
            self.wait_for_served(crowd, 10, "service as before")
        print(f"{len(crowd.devices)} devices, answers {dict(crowd.answers())}", flush=True)
        self.assert_each_has_one(crowd)
        self.assert_heard_nothing_but(crowd, "200", "pending", "503")
        self.assert_every_password_is_used_or_good(crowd)


class DatabaseFailover(DatabaseTest):
    """A primary and its synchronous standby, both named in the url."""

    @classmethod
    def open_database(cls):
        cls.database = cls.primary = Postgresql()
        cls.addClassCleanup(cls.primary.close)
        cls.standby = Postgresql(cls.primary)
        cls.addClassCleanup(cls.standby.close)
        cls.primary.query("ALTER SYSTEM SET synchronous_standby_names = 'standby'")
        cls.primary.query("SELECT pg_reload_conf()")
        for _ in range(600):
            if cls.is_synchronous():
                return
            time.sleep(0.05)
        raise AssertionError("the standby does not become synchronous")

    @classmethod
    def is_synchronous(cls):
        return cls.primary.query("SELECT sync_state FROM pg_stat_replication WHERE state = 'streaming'") == "sync"

    @classmethod
    def store_url(cls, name):
        both = Postgresql.url_by(cls.primary.directory, cls.standby.directory)
        return f"{both}&target_session_attrs=read-write&application_name={name}"

    def test_1_without_its_standby_the_primary_answers_nobody(self):
        """So that nothing is told that only one server knows."""
        device = Device(QuickClient(self.two, self.bundle, "waiting-0"), self.mint(self.one))
        self.standby.stop()
        asking = threading.Thread(target=device.enroll, args=(90,), daemon=True)
        asking.start()
        waiting = "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'SyncRep'"
        self.wait_until(lambda: self.primary.query(waiting) != "0", what="a commit that waits")
        self.assertFalse(device.ended.is_set())
        self.standby.start()
        asking.join(90)
        self.assertEqual((device.outcome, len(device.serials)), (SUCCESS, 1), device.answers)
        self.wait_until(self.is_synchronous, what="the standby as before")

    def test_2_a_standby_promoted_under_load_has_everything(self):
        with self.straight("failover") as crowd:
            self.wait_for_served(crowd, 20, "load")
            outstanding = [self.mint(node) for node in self.nodes]
            used = next(device for device in list(crowd.devices) if device.outcome == SUCCESS)
            self.primary.stop("immediate")
            self.wait_until(lambda: crowd.answers()["503"] > crowd.width, what="503")
            self.standby.promote()
            type(self).database = self.standby
            self.wait_until_ready()
            self.wait_for_served(crowd, 20, "service on the standby")
        print(f"{len(crowd.devices)} devices, answers {dict(crowd.answers())}", flush=True)
        self.assert_each_has_one(crowd)
        self.assert_heard_nothing_but(crowd, "200", "pending", "503")
        for node, password in zip(self.nodes, outstanding):
            late = QuickClient(node, self.bundle, "late")
            self.assertEqual(late.send(late.request(password)).status, SUCCESS, "minted before, good after")
            again = QuickClient(node, self.bundle, "again")
            self.assertNotEqual(again.send(again.request(used.password)).status, SUCCESS, "used before, used after")


if __name__ == "__main__":
    unittest.main()
