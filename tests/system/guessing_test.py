"""Guessing: a hundred thousand wrong sign-ins, and wrong challenges, leave the rightful users working.

COUNTERSIGN_WRONG_CHALLENGES sets how many wrong challenges are sent (each costs the server two private-key operations, so CI sends
fewer than the hundred thousand a long run does).
"""
import collections
import os
import socket
import threading
import unittest

from instance import InstanceTest, basic, run
from scep_client import Client, FAILURE, SUCCESS

PAGE = "/certsrv/mscep_admin/"
WRONG_CHALLENGES = int(os.environ.get("COUNTERSIGN_WRONG_CHALLENGES", "3000"))


class GuessingTest(InstanceTest):
    def enroll(self, server, name, challenge):
        directory = server.path(name)
        directory.mkdir()
        return run("scepclient", "-server-url", server.scep_url, "-private-key", directory / "key.pem", "-certificate",
                   directory / "certificate.pem", "-cn", name, "-challenge", challenge).returncode

    def fetch(self, server, name, password, source):
        return server.http("GET", PAGE, None, [("Authorization", basic(name, password)), ("X-Forwarded-For", source)]).status

    def test_wrong_sign_ins(self):
        server = self.instance()
        server.set("[listener]", trusted_proxies=["127.0.0.0/8"])
        server.set("log", requests=False)
        server.start()
        name, password = server.created["admin_user"], server.created["admin_password"]
        self.assertEqual(self.fetch(server, name, password, "198.51.100.1"), 200)
        requests = [f"GET {PAGE} HTTP/1.1\r\nHost: x\r\nX-Forwarded-For: 203.0.113.9\r\n"
                    f"Authorization: {basic(name, f'guess {number}')}\r\n\r\n".encode() for number in range(100000)]
        statuses = flood(server.address, requests)
        self.assertEqual(sum(statuses.values()), 100000)
        self.assertEqual(set(statuses) - {401, 429, 503}, set(), statuses)
        self.assertGreater(statuses[429], 90000)
        # The guesser's own place is refused, even with the right password; a guess there tells nothing any more.
        self.assertEqual(self.fetch(server, name.upper(), password, "203.0.113.9"), 429)
        # The administrator at another place, and who signed in before from anywhere, go on.
        self.assertEqual(self.fetch(server, name.title(), password, "198.51.100.7"), 200)
        self.assertEqual(self.fetch(server, name, password, "203.0.113.9"), 200)
        self.assertEqual(self.enroll(server, "device", server.challenge()), 0)
        # Not one line for each of a hundred thousand.
        self.assertLess(len(server.audit("sign_in.failed")), 10000)

    def test_wrong_challenges(self):
        server = self.instance()
        server.set("log", requests=False)
        server.start()
        bundle = server.ca_bundle()
        guesser = Client(server, bundle, "guesser")
        rightful = server.challenge()
        # The server keeps nothing of a refused request, so a message sent again is another guess.
        guesses = [guesser.request(f"{number:016X}") for number in range(4)]
        before = server.resident_kib()
        target = server.scep_target("PKIOperation")
        requests = [f"POST {target} HTTP/1.1\r\nHost: x\r\nContent-Length: {len(message)}\r\n\r\n".encode() + message
                    for message in (guesses[number % 4] for number in range(WRONG_CHALLENGES))]
        answers = {}
        storm = threading.Thread(target=lambda: answers.update(flood(server.address, requests)))
        storm.start()
        # While they guess, a device enrolls.
        self.assertEqual(self.enroll(server, "during", server.challenge()), 0)
        storm.join()
        self.assertEqual(answers, {200: WRONG_CHALLENGES})  # signed failures, all of them
        refused = server.audit("enrollment.refused")
        self.assertEqual(len(refused), WRONG_CHALLENGES)
        self.assertEqual({line["reason"] for line in refused}, {"denied: the challenge is unknown"})
        device = Client(server, bundle, "rightful")
        self.assertEqual(device.send(device.request(rightful)).status, SUCCESS)
        self.assertEqual(len(server.certificates()), 2)
        self.assertLess(server.resident_kib(), before + 64 * 1024)

    def test_guesses_from_everywhere_cost_nobody_his_password(self):
        server = self.instance()
        server.set("[listener]", trusted_proxies=["127.0.0.0/8"])
        server.set("server", failures_per_client=5)
        server.set("log", requests=False)
        server.start()
        bundle = server.ca_bundle()
        guesser = Client(server, bundle, "guesser")
        wrong = [guesser.request(f"{number:016X}") for number in range(4)]
        target, sources = server.scep_target("PKIOperation"), 600

        def guess(source, number):
            message = wrong[number % 4]
            return (f"POST {target} HTTP/1.1\r\nHost: x\r\nX-Forwarded-For: {source}\r\nContent-Length: {len(message)}\r\n\r\n".encode() +
                    message)

        # Half of them addresses of IPv4, half sites of IPv6; each stays below what slows it down.
        places = [f"198.18.{number // 256}.{number % 256}" if number % 2 else f"2001:db8:{number:x}::1" for number in range(sources)]
        requests = [guess(place, number) for number in range(3) for place in places]
        answers = {}
        storm = threading.Thread(target=lambda: answers.update(flood(server.address, requests)))
        storm.start()
        devices = [Client(server, bundle, f"rightful-{number}") for number in range(5)]
        for device in devices:
            self.assertEqual(device.send(device.request(server.challenge())).status, SUCCESS)
        storm.join()
        self.assertEqual(answers, {200: 3 * sources})
        self.assertEqual(len(server.audit("enrollment.refused")), 3 * sources, "what the alert counts")
        self.assertEqual(len(server.certificates()), len(devices))
        # One that goes on is slowed down, the others are not.
        again = [guess(places[1], number) for number in range(20)] + [guess(places[3], 0)]
        self.assertGreater(flood(server.address, again, connections=1)[429], 10)
        self.assertEqual([line["client"] for line in server.audit("source.slowed")], [places[1]])

    def test_a_guesser_gets_a_guess_a_second_and_keeps_nobody_else_waiting(self):
        server = self.instance()
        server.set("[listener]", trusted_proxies=["127.0.0.0/8"])
        server.set("server", failures_per_client=20)
        server.start()
        bundle = server.ca_bundle()
        guesser = Client(server, bundle, "guesser")
        wrong = guesser.request("0011223344556677")

        def post(message, source):
            return guesser.post(message, [("Content-Type", "application/x-pki-message"), ("X-Forwarded-For", source)])

        statuses = collections.Counter(post(wrong, f"2001:db8:7::{number:x}").status for number in range(1, 61))
        self.assertEqual(set(statuses), {200, 429}, statuses)
        self.assertGreaterEqual(statuses[200], 20)
        self.assertEqual(len(server.audit("enrollment.refused")), statuses[200], "429 comes before any work")
        refused = post(wrong, "2001:db8:7::ffff")
        if refused.status == 429:
            self.assertIn(refused.headers["retry-after"], ("1", "2"))
        slowed = server.audit("source.slowed")
        self.assertEqual(len(slowed), 1)
        self.assertIn("server.failures_per_client", slowed[0]["reason"])
        # Another site, and the same machine without a proxy, are not held up.
        device = Client(server, bundle, "rightful")
        answer = post(device.request(server.challenge()), "2001:db8:8::1")
        self.assertEqual(answer.status, 200)
        self.assertEqual(server.audit("enrollment.issued")[-1]["client"], "2001:db8:8::1")
        self.assertEqual(device.send(device.request("0011223344556677")).status, FAILURE)


def flood(address, requests, connections=4, batch=50):
    """Sends requests over a few connections, `batch` ahead of their answers; how many of each status came back."""
    host, _, port = address.rpartition(":")
    statuses = collections.Counter()
    lock = threading.Lock()

    def send(mine):
        seen = collections.Counter()
        with socket.create_connection((host, int(port)), timeout=300) as connection:
            reader = connection.makefile("rb")
            for begin in range(0, len(mine), batch):
                part = mine[begin:begin + batch]
                connection.sendall(b"".join(part))
                for _ in part:
                    seen[read_answer(reader)] += 1
        with lock:
            statuses.update(seen)

    threads = [threading.Thread(target=send, args=(requests[i::connections],)) for i in range(connections)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return statuses


def read_answer(reader):
    status = int(reader.readline().split()[1])
    length = 0
    while line := reader.readline().strip():
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            length = int(value)
    reader.read(length)
    return status


if __name__ == "__main__":
    unittest.main()
