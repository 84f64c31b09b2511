"""No request hides in another on its way through the proxies: every vector of desync.py against the shipped configurations.

After each vector three things are looked at: what the proxy sent on and how often the daemon answered it (the tap), what the
daemon logged, and whether the next client got the answers to its own requests.
"""
import socket
import threading
import unittest

import desync
from instance import InstanceTest, read_to_end
from proxies import PATH, Apache, BehindAProxy, Haproxy, Nginx, fresh_source, host_port
from wire_tap import answers_in, requests_in, wait_for


class Desync:
    sent_on = 0  # vectors of which something reached the daemon

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.own = {operation: cls.server.http("GET", f"{PATH}?operation={operation}").body for operation in ("GetCACaps", "GetCACert")}
        assert len(set(cls.own.values())) == 2

    def strike(self, octets):
        with self.connect(self.devices) as connection:
            try:
                connection.sendall(octets)
                # Hanging up at once would make a proxy drop what it has not sent on yet. One that waits for more never answers.
                connection.settimeout(0.2)
                connection.recv(65536)
            except TimeoutError:
                pass
            except OSError:
                return
            connection.settimeout(60)
            try:
                connection.shutdown(socket.SHUT_WR)
            except OSError:
                return
            read_to_end(connection)

    def victims_findings(self):
        """The next client: each answer must be the one to its own request. Its last request is the barrier in the log."""
        found = []
        source, barrier = fresh_source(), self.marker("barrier")
        connection = self.client(self.devices, source)
        try:
            for operation in ("GetCACaps", "GetCACert", "GetCACaps"):
                answer = self.get(connection, f"{PATH}?operation={operation}")
                if answer != (200, self.own[operation]):
                    found.append(f"{operation} of the next client was answered {answer[0]} {answer[1][:60]}")
            answer = self.get(connection, f"/crl/{barrier}")
            if answer[0] != 404:
                found.append(f"the barrier was answered {answer}")
        except (OSError, ValueError) as trouble:
            found.append(f"the next client got {trouble!r}")
        finally:
            connection.close()
        return found, source, barrier

    def findings(self, word, octets):
        """What is wrong after these octets; nothing should be."""
        begin = self.server.log_file.stat().st_size
        self.strike(octets)
        found, source, barrier = self.victims_findings()
        pattern = f" GET /crl/{barrier} ".encode()
        self.before_the_end(lambda: pattern in self.log_since(begin))
        for connection in self.tap.settle():
            for head in connection.requests():
                # HAProxy sends on the absolute form, and the daemon refuses it.
                path = head.target.removeprefix("http://x").removeprefix("http://y").split("?")[0]
                type(self).sent_on += path == PATH and head.method != "GET"
                if path not in (PATH, f"/crl/{barrier}"):
                    found.append(f"the proxy sent on {head.method} {head.target}")
            if connection.surplus() > 0:
                found.append(f"{len(connection.answers())} answers to {connection.sent!r}")
        # Lines are written in the order of the answers on a connection, and all connections have ended.
        wait_for(lambda: pattern in self.log_since(begin), "the barrier's line")
        if f" {source}".encode() + pattern not in self.log_since(begin):
            found.append("the next client was taken for another")
        found += [f"the daemon served {line.decode()}" for line in self.log_since(begin).splitlines()
                  if b"/hidden" in line or word.encode() in line or b"203.0.113.9" in line]
        return found

    def before_the_end(self, the_barrier_is_logged):
        """The barrier's own answer has been read: nothing is on its way any more."""

    def log_since(self, begin):
        with open(self.server.log_file, "rb") as log:
            log.seek(begin)
            return log.read()


class Vectors(Desync):
    def test_what_gets_through_is_seen(self):
        word = self.marker("seen")
        source = fresh_source()
        client = self.client(self.devices, source)
        self.get(client, f"/crl/{word}")
        client.close()
        self.assertEqual(self.line_of(word), (source, 404))
        self.assertEqual(len(self.heads(word)), 1)
        self.tap.settle()

    def test_no_request_hides_in_another(self):
        count = 0
        for word, name, octets in desync.vectors(lambda: self.marker("hidden")):
            with self.subTest(name):
                self.assertEqual(self.findings(word, octets), [])
            count += 1
        self.assertGreater(count, 600)
        # What a proxy refuses says nothing about what lies behind it.
        self.assertGreater(self.sent_on, 50)
        self.assertTrue(self.server.is_up())
        self.assertIsNone(self.process.poll())


class NginxTest(Vectors, Nginx, BehindAProxy):
    pass


class HaproxyTest(Vectors, Haproxy, BehindAProxy):
    pass



class ApacheTest(Vectors, Apache, BehindAProxy):
    pass


class NginxSharedTest(Vectors, Nginx, BehindAProxy):
    shared = True


class HaproxySharedTest(Vectors, Haproxy, BehindAProxy):
    shared = True


class DirectTest(InstanceTest):
    """The same octets with no proxy in front: the daemon itself never answers a request that a strict reader does not find in them."""

    def test_no_request_hides_in_another(self):
        server = self.instance().start()
        told, answered, seen = {}, 0, 0
        for word, name, octets in desync.vectors(lambda: f"hidden-{len(told)}-"):
            with self.subTest(name), socket.create_connection(host_port(server.address), timeout=60) as connection:
                connection.sendall(octets)
                connection.shutdown(socket.SHUT_WR)
                answers = answers_in(read_to_end(connection))
                heads, _ = requests_in(octets)
                # Beyond those there is at most the word that what follows is no request.
                self.assertIn([status for status, _ in answers[len(heads):]], ([], [400]))
            told[word] = any(word in head.target for head in heads)
            answered += len(answers)
        self.assertGreater(len(told), 600)
        self.assertGreater(answered, 500)
        self.assertEqual(server.stop(), 0)
        log = server.log()
        for word, is_a_request in told.items():
            served = f"/{word} " in log
            seen += served
            self.assertTrue(is_a_request or not served, word)
        self.assertGreater(seen, 0, "no hidden request is one for a strict reader either, or the log does not say")
        self.assertNotRegex(log, r"(?m)^\S+ info 203\.0\.113\.9", "a field of a stranger's says who he is")


class ControlTest(Desync, BehindAProxy):
    """The observation itself: behind a proxy that believes everything, each of the three must find something."""

    @classmethod
    def start_proxy(cls):
        return CarelessProxy((cls.devices, cls.tls, cls.admin), cls.tap.address)

    def before_the_end(self, the_barrier_is_logged):
        # Its client got the answer to an earlier request, and is gone before the daemon has seen this one.
        wait_for(the_barrier_is_logged, "the barrier's line")

    def test_each_observation_can_fail(self):
        word = self.marker("hidden")
        post = b"POST PATH HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n|TAIL"
        found = "\n".join(self.findings(word, desync.filled(post, desync.TAILS["whole"].replace(b"MARK", word.encode()))))
        self.assertIn("GetCACaps of the next client was answered 404", found)
        self.assertIn(f"the proxy sent on GET /hidden/{word}", found)
        self.assertIn("the next client was taken for another", found)
        self.assertRegex(found, rf"the daemon served .* 203\.0\.113\.9 GET /hidden/{word}")
        self.assertEqual(self.tap.settle(), [])

    def test_an_answer_too_many_is_counted(self):
        # Two requests to the daemon, of which the second is inside what the first's framing calls its body: no strict reader
        # finds it, so this many answers would be one too many.
        with socket.create_connection(host_port(self.tap.address)) as client:
            client.sendall(b"GET /crl/one HTTP/1.1\r\nHost: x\r\n\r\nGET /crl/two HTTP/1.1\r\nHost: x\r\n\r\n")
            client.shutdown(socket.SHUT_WR)
            read_to_end(client)
        connection, = self.tap.settle()
        self.assertEqual((len(connection.answers()), connection.surplus()), (2, 0))
        connection.sent = connection.sent.replace(b"Host: x\r\n", b"Content-Length: 40\r\n", 1)
        self.assertEqual(connection.surplus(), 1)


class CarelessProxy:
    """Sends on what one read gives, whatever it holds, over one connection for everybody, and takes one answer for it."""

    def __init__(self, addresses, upstream):
        self.listeners = [socket.create_server(host_port(address)) for address in addresses]
        self.upstream_address, self.upstream = upstream, None
        self.lock = threading.Lock()
        for listener in self.listeners:
            threading.Thread(target=self._accept, args=(listener,), daemon=True).start()

    def _accept(self, listener):
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client):
        with client:
            while octets := client.recv(65536):
                with self.lock:
                    if self.upstream is None:
                        self.upstream = socket.create_connection(host_port(self.upstream_address))
                    self.upstream.sendall(octets)
                    client.sendall(self._one_answer())

    def _one_answer(self):
        answer = b""
        while not answer.endswith(b"\r\n\r\n"):
            octet = self.upstream.recv(1)
            if not octet:
                raise ConnectionError("the daemon closed")
            answer += octet
        length = next((int(line.split(b":")[1]) for line in answer.split(b"\r\n") if line.lower().startswith(b"content-length:")), 0)
        while length:
            body = self.upstream.recv(length)
            answer, length = answer + body, length - len(body)
        return answer

    # As a subprocess.Popen.
    def poll(self):
        return None

    def send_signal(self, _):
        for listener in self.listeners:
            listener.shutdown(socket.SHUT_RDWR)
            listener.close()
        if self.upstream:
            self.upstream.close()

    def wait(self, _):
        return 0


if __name__ == "__main__":
    unittest.main()
