"""A wall clock that jumps under a running daemon: a day ahead, a day back, back within a password's life, in small steps.

What holds: a one-time password has an absolute end, and is good exactly while the clock is before it. Nothing that waits, waits
by the wall clock.
"""
import http.client
import re
import time
import unittest
import urllib.parse
from datetime import datetime, timedelta, timezone

from faults import FaultTest
from instance import run_ok
from scep_client import FAILURE, SUCCESS, Client, Reply

MINUTE, HOUR, DAY = 60, 3600, 86400


class ClockTest(FaultTest):
    def setUp(self):
        super().setUp()
        # Made now, run two hours later: so its certificates are valid also when the clock goes back.
        self.server = self.faulty_instance()
        self.clock(2 * HOUR)
        self.server.start()
        self.bundle = self.server.ca_bundle()

    def clock(self, ahead):
        self.ahead = ahead
        self.server.orders.set_clock(ahead)

    def now(self):
        """The time as the daemon sees it."""
        return datetime.now(timezone.utc) + timedelta(seconds=self.ahead)

    def password(self, minutes_left):
        """One whose end is so far from the daemon's present time. Minted by a command whose clock is right."""
        return self.server.challenge("--valid", str(minutes_left + round(self.ahead / MINUTE)))

    def ask(self, client, message):
        answer = client.post(message)
        return str(answer.status) if answer.status != 200 else Reply(answer.body).status

    def enroll(self, name, password):
        client = Client(self.server, self.bundle, name)
        message = client.request(password)
        reply = client.send(message)
        return client, message, reply

    def validity(self, client):
        words = run_ok("openssl", "x509", "-noout", "-startdate", "-enddate", "-in", client.certificate).stdout.decode()
        dates = re.findall(r"=(.+)", words)
        return [datetime.strptime(date.replace("GMT", "").strip(), "%b %d %H:%M:%S %Y").replace(tzinfo=timezone.utc) for date in dates]

    def assert_sane(self, client):
        begin, end = self.validity(client)
        self.assertLessEqual(begin, self.now() + timedelta(seconds=1))
        self.assertLess(self.now() - begin, timedelta(hours=1, seconds=30))
        self.assertGreater(end, self.now())

    def assert_in_order(self):
        self.assertTrue(self.server.is_up())
        self.server.command("audit", "verify")
        self.assertEqual(self.server.stop(), 0)

    def test_an_expired_password_stays_expired_whatever_the_jump(self):
        short, long = self.password(30), self.password(60 * 48)
        self.clock(2 * HOUR + DAY)
        self.assertEqual(self.enroll("too-late", short)[2].status, FAILURE)
        client, _, reply = self.enroll("in-time", long)
        self.assertEqual(reply.status, SUCCESS)
        self.assert_sane(client)
        self.clock(2 * HOUR + 31 * MINUTE)
        self.assertEqual(self.enroll("just-too-late", short)[2].status, FAILURE)
        self.assert_in_order()

    def test_a_password_lives_to_its_own_end_by_the_clock_and_no_longer(self):
        password, other = self.password(30), self.password(30)
        # Back within its life: what is left grows by the jump, its end stays where it is.
        self.clock(2 * HOUR - 20 * MINUTE)
        client, _, reply = self.enroll("after-a-step-back", password)
        self.assertEqual(reply.status, SUCCESS)
        self.assert_sane(client)
        self.clock(2 * HOUR + 30 * MINUTE + 5)
        self.assertEqual(self.enroll("after-its-end", other)[2].status, FAILURE)
        self.assertEqual(self.enroll("used-before", password)[2].status, FAILURE)
        self.assert_in_order()

    def test_a_used_password_stays_used_when_the_clock_goes_back(self):
        password = self.password(30)
        self.clock(2 * HOUR + 10 * MINUTE)
        client, message, reply = self.enroll("first", password)
        self.assertEqual(reply.status, SUCCESS)
        first = client.certificate.read_text()
        self.clock(2 * HOUR)
        self.assertEqual(self.enroll("second", password)[2].status, FAILURE)
        self.assertEqual(client.send(message).status, SUCCESS)
        self.assertEqual(client.certificate.read_text(), first, "a repeated request is given the same certificate")
        self.assertEqual(len(self.server.certificates()), 1)
        self.assert_in_order()

    def test_before_the_agents_certificate_begins_nothing_is_issued_and_it_comes_back_by_itself(self):
        password = self.password(60)
        client = Client(self.server, self.bundle, "three-days-back")
        message = client.request(password)
        self.clock(-3 * DAY)
        self.assertEqual(self.ask(client, message), "503")
        self.wait_until(lambda: self.server.http("GET", "/readyz").status == 503, what="/readyz turning red")
        self.assertEqual(self.server.certificates(), [])
        self.clock(2 * HOUR)
        self.assertEqual(client.send(message).status, SUCCESS)
        self.wait_until(lambda: self.server.http("GET", "/readyz").status == 200, what="/readyz turning green")
        self.assert_in_order()

    def test_jumps_drop_no_connection_and_hold_nothing_up(self):
        host, _, port = self.server.address.rpartition(":")
        target = urllib.parse.urlsplit(self.server.scep_url).path + "?operation=GetCACaps"
        connection = http.client.HTTPConnection(host, int(port), timeout=20)
        slow = self.server.connect(20)
        slow.sendall(f"GET {target} HTTP/1.1\r\nHost: {host}\r\n".encode())
        try:
            for ahead in (2 * HOUR, 2 * HOUR + DAY, 2 * HOUR - DAY, 2 * HOUR):
                self.clock(ahead)
                time.sleep(0.2)
                connection.request("GET", target)
                answer = connection.getresponse()
                self.assertEqual(answer.status, 200)
                self.assertTrue(answer.read())
                self.assertEqual(self.server.http("GET", "/healthz").status, 200)
            slow.sendall(b"Connection: close\r\n\r\n")
            self.assertIn(b" 200 ", slow.recv(65536).split(b"\r\n")[0])
        finally:
            connection.close()
            slow.close()
        self.assert_in_order()

    def test_small_steps_under_a_stream_of_enrollments(self):
        for number, step in enumerate((0, -2, 1, -1, 0.5, -30, 30, 0)):
            self.clock(2 * HOUR + step)
            client, _, reply = self.enroll(f"step-{number}", self.password(30))
            self.assertEqual(reply.status, SUCCESS)
            self.assert_sane(client)
        serials = [entry["serial"] for entry in self.server.certificates()]
        self.assertEqual(len(serials), len(set(serials)))
        self.assert_in_order()


if __name__ == "__main__":
    unittest.main()
