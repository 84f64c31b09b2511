"""Nodes killed, stopped and cut off from the database, under load, behind nginx and HAProxy. Clients do what devices do: the same message
again until there is an answer; a refusal is an answer."""
import signal
import time
import unittest

from nodes import NodesTest
from scep_client import SUCCESS
from scep_crowd import QuickClient

KILLS_OF_EACH = 3
STOPS_OF_EACH = 2
WHILE_AWAY = 10  # devices that must be served while a node is away


class NodeFailover(NodesTest):
    @classmethod
    def store_url(cls, name):
        # A way to the database of each node's own, to be cut.
        way = cls.one.path(f"way-of-{name}")
        cls.one.path(f"way-of-{name}").symlink_to(cls.database.directory)
        cls.one.directory.chmod(0o755)
        return f"{cls.database.url_by(way)}&application_name={name}"

    def freeze_with_requests_in_flight(self, node):
        """SIGSTOP in a moment in which it has recorded requests that it has not answered; returns those."""
        for _ in range(2000):
            node.process.send_signal(signal.SIGSTOP)
            if self.in_flight(node):
                time.sleep(0.1)  # for what it had sent the database before
                caught = self.in_flight(node)
                if caught:
                    return caught
            node.process.send_signal(signal.SIGCONT)
            time.sleep(0.02)
        raise AssertionError(f"{node.name} never works on anything")

    def test_a_node_killed_under_load_costs_nobody_a_certificate(self):
        caught = 0
        with self.crowd("killed") as crowd:
            self.wait_for_served(crowd, WHILE_AWAY, "load")
            for node in self.nodes * KILLS_OF_EACH:
                attempts = self.freeze_with_requests_in_flight(node)
                node.kill()
                caught += len(attempts)
                self.wait_for_served(crowd, WHILE_AWAY, f"service without {node.name}")
                of_the_dead = ", ".join(f"'{attempt}'" for attempt in attempts)
                states = f"SELECT DISTINCT state FROM attempts WHERE id IN ({of_the_dead})"
                self.wait_until(lambda states=states: self.database.query(states) == "issued", what="what it had begun")
                node.start()
                self.wait_until_ready(node)
                self.wait_until_proxied(node)
        print(f"{len(crowd.devices)} devices, {crowd.retried()} asked more than once, {caught} requests caught unanswered, "
              f"answers {dict(crowd.answers())}", flush=True)
        self.assert_each_has_one(crowd)
        self.assert_heard_nothing_but(crowd, "200", "pending", "none", "502", "503", "504")

    def test_nodes_stopped_one_after_the_other_are_not_noticed(self):
        with self.crowd("stopped") as crowd:
            self.wait_for_served(crowd, WHILE_AWAY, "load")
            for node in self.nodes * STOPS_OF_EACH:
                self.assertEqual(node.stop(), 0)
                self.wait_for_served(crowd, WHILE_AWAY, f"service without {node.name}")
                node.start()
                self.wait_until_ready(node)
                self.wait_until_proxied(node)
        print(f"{len(crowd.devices)} devices, answers {dict(crowd.answers())}", flush=True)
        self.assert_each_has_one(crowd)
        self.assert_heard_nothing_but(crowd, "200", "pending")

    def test_a_node_that_is_not_ready_gets_nothing_until_it_is(self):
        haproxy = self.fronts[1]
        way, cut = self.one.path("way-of-two"), self.one.path("cut-way")
        self.addCleanup(lambda: cut.is_symlink() and cut.rename(way))
        with self.crowd("cut", mint=lambda _: self.mint(self.one), front=lambda _: haproxy) as crowd:
            self.wait_for_served(crowd, WHILE_AWAY, "load")
            way.rename(cut)
            self.database.query("SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE application_name = 'two'")
            self.wait_until(lambda: haproxy.is_down("two"), what="HAProxy leaves it alone")
            self.assertEqual(self.two.http("GET", "/readyz").status, 503)
            self.assertEqual(self.two.http("GET", "/healthz").status, 200, "a restart would not help it")
            refused = QuickClient(self.two, self.bundle, "straight")
            message = refused.request(self.mint(self.one))
            self.assertEqual(refused.post(message).status, 503)
            before = int(haproxy.figures("two")["stot"])
            self.wait_for_served(crowd, 5 * WHILE_AWAY, "service without two")
            self.assertEqual(int(haproxy.figures("two")["stot"]), before, "it was asked for nothing")
            cut.rename(way)
            self.wait_until_ready(self.two)
            self.wait_until_proxied(self.two)
            self.wait_until(lambda: int(haproxy.figures("two")["stot"]) > before + WHILE_AWAY, what="two at work again")
        self.assertEqual(refused.send(message).status, SUCCESS, "nothing was burnt")
        print(f"{len(crowd.devices)} devices, answers {dict(crowd.answers())}", flush=True)
        self.assert_each_has_one(crowd)
        self.assert_heard_nothing_but(crowd, "200", "pending")


if __name__ == "__main__":
    unittest.main()
