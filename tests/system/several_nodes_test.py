"""Several daemons on one PostgreSQL: what one node knows, the other knows; what is good once is good once among all of them."""
import concurrent.futures
import threading
import unittest

from instance import countersign, run_ok, text
from nodes import NodesTest
from scep_client import FAILURE, PENDING, SUCCESS, Client
from scep_crowd import QuickClient

ROUNDS = 40
RIVALS = 8


class SeveralNodes(NodesTest):
    def client(self, name, through=None):
        return Client(through or self.fronts[0], self.bundle, name)

    def test_a_password_of_one_node_is_good_at_the_other_and_once(self):
        password = self.one.challenge()
        first = self.client("elsewhere", self.two)
        self.assertEqual(first.send(first.request(password)).status, SUCCESS)
        again = self.client("again", self.one)
        self.assertNotEqual(again.send(again.request(password)).status, SUCCESS)
        states = {node.json("challenge", "list", "--all")[0]["state"] for node in self.nodes}
        self.assertEqual(len(states), 1, "both nodes tell the same")

    def test_one_password_at_both_nodes_at_once_gives_one_certificate(self):
        """Eight devices, each with a transaction and a key of its own, four at each node, in the same moment; forty times."""
        start = threading.Barrier(RIVALS)

        def knock(device, message):
            start.wait(60)
            return device.send(message)

        before, wins = self.issued(), {node: 0 for node in self.nodes}
        with concurrent.futures.ThreadPoolExecutor(RIVALS) as pool:
            for number in range(ROUNDS):
                password = self.mint(self.nodes[number % 2])
                devices = [QuickClient(self.nodes[place % 2], self.bundle, f"race-{number}-{place}") for place in range(RIVALS)]
                self.assertEqual(len({id(device.key) for device in devices}), RIVALS)
                replies = list(pool.map(knock, devices, [device.request(password) for device in devices]))
                winners = [device for device, reply in zip(devices, replies) if reply.status == SUCCESS]
                self.assertEqual(len(winners), 1, [reply.status for reply in replies])
                losers = [reply for reply in replies if reply.status != SUCCESS]
                self.assertTrue(all(reply.status == FAILURE and reply.fail_info for reply in losers), [reply.status for reply in losers])
                wins[winners[0].instance] += 1
        self.assertEqual(self.issued() - before, ROUNDS)
        of_passwords = self.database.query("SELECT max(n) FROM (SELECT count(c.serial) AS n FROM attempts a JOIN certificates c"
                                           " ON c.attempt = a.id WHERE a.challenge_mac <> '' GROUP BY a.challenge_mac) AS each")
        self.assertEqual(of_passwords, "1")
        self.assertGreater(min(wins.values()), 0, "one node alone won every race: nothing was concurrent")

    def test_one_message_at_both_nodes_at_once_is_one_enrollment(self):
        before = self.issued()
        device = self.client("twins")
        message = device.request(self.one.challenge())
        with concurrent.futures.ThreadPoolExecutor(2) as pool:
            answers = list(pool.map(lambda node: node.http("POST", node.scep_target("PKIOperation"), message,
                                                           (("Content-Type", "application/x-pki-message"),)), self.nodes))
        self.assertIn(200, [answer.status for answer in answers])
        last = []

        def answered():
            answer = device.post(message)
            if answer.status == 200:
                last.append(device.read_reply(answer, device.nonces[message]).status)
            return last and last[-1] != PENDING

        self.wait_until(answered, what="an answer")
        self.assertEqual(last[-1], SUCCESS)
        self.assertEqual(self.issued() - before, 1)

    def test_an_instance_is_not_made_over_another(self):
        directory = self.one.path("second")
        done = countersign("init", directory, "--store", self.database.url)
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("holds an instance already", text(done))
        self.assertFalse(directory.exists())
        done = countersign("init", directory, "--store", 'postgresql://h/d?x="')
        self.assertIn("--store", text(done))
        self.assertFalse(directory.exists())

    def test_crl_numbers_never_repeat(self):
        serial = self.certificate_of("to-be-revoked")
        self.two.command("certificate", "revoke", serial, "--reason", "superseded")
        for node in self.nodes:
            self.wait_until(lambda node=node: serial in self.revoked_at(node), what="the CRL")
        numbers = [self.crl_number(node) for node in self.nodes]
        self.assertEqual(len(numbers), len(set(numbers)), numbers)

    def certificate_of(self, name):
        device = self.client(name)
        self.assertEqual(device.send(device.request(self.one.challenge())).status, SUCCESS)
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
