"""A relay between a proxy and the daemon that keeps every octet of both directions, connection by connection.

What a proxy sends on and how often the daemon answers is read from here, not guessed from either one's log.
"""
import dataclasses
import socket
import threading
import time
import urllib.parse

from instance import free_address

PATIENCE = 30


class Malformed(Exception):
    """Octets of which two readers could think differently."""


@dataclasses.dataclass
class Head:
    """A request's head as one strict reader sees it."""

    method: str
    target: str
    fields: list  # (name in lower case, value)

    def values(self, name):
        return [value for one, value in self.fields if one == name]


def take_head(octets):
    """(Head, length of the body or None for chunks, what follows the head). EOFError where the head is not complete."""
    block, end, rest = octets.partition(b"\r\n\r\n")
    if not end:
        raise EOFError
    lines = block.split(b"\r\n")
    if any(set(line) & {0, 10, 13} for line in lines):
        raise Malformed("a control character")
    words = lines[0].split(b" ")
    if len(words) != 3 or words[2] not in (b"HTTP/1.1", b"HTTP/1.0"):
        raise Malformed("the request line")
    head = Head(words[0].decode("latin-1"), words[1].decode("latin-1"), [])
    for line in lines[1:]:
        name, colon, value = line.partition(b":")
        if not colon or not name or name != name.strip() or line[:1] in b" \t":
            raise Malformed("a field line")
        head.fields.append((name.decode("latin-1").lower(), value.strip(b" \t").decode("latin-1")))
    lengths, codings = head.values("content-length"), head.values("transfer-encoding")
    if len(lengths) + len(codings) > 1 or len(head.values("host")) > 1:
        raise Malformed("framed twice")
    if codings and codings[0].lower() != "chunked":
        raise Malformed("a coding")
    if lengths and not (lengths[0].isascii() and lengths[0].isdigit()):
        raise Malformed("a length")
    return head, None if codings else int(lengths[0]) if lengths else 0, rest


def skip_chunks(octets):
    while True:
        line, end, octets = octets.partition(b"\r\n")
        if not end:
            raise EOFError
        size = line.split(b";")[0]
        if not size or len(size) > 8 or size.strip(b"0123456789abcdefABCDEF"):
            raise Malformed("a chunk's size")
        size = int(size, 16)
        if len(octets) < size + 2:
            raise EOFError
        if octets[size:size + 2] != b"\r\n":
            raise Malformed("a chunk's end" if size else "a trailer")
        octets = octets[size + 2:]
        if size == 0:
            return octets


def requests_in(octets):
    """(every request head in what a client sent, whether a head that is malformed follows them)."""
    found = []
    while octets:
        try:
            head, length, octets = take_head(octets)
        except (EOFError, Malformed) as end:
            return found, isinstance(end, Malformed)
        found.append(head)
        try:
            octets = skip_chunks(octets) if length is None else octets[length:]
        except (EOFError, Malformed):
            break  # no next request can be told from this body
    return found, False


def answers_in(octets):
    """Every final status and body in what the daemon sent. It always sends a Content-Length."""
    found = []
    while octets:
        block, end, octets = octets.partition(b"\r\n\r\n")
        lines = block.decode("latin-1").split("\r\n")
        assert end and lines[0].startswith("HTTP/1.1 "), block
        status = int(lines[0].split(" ")[1])
        if status < 200:
            continue
        fields = dict(line.lower().split(": ", 1) for line in lines[1:])
        length = int(fields.get("content-length", 0))
        found.append((status, octets[:length]))
        octets = octets[length:]
    return found


class Connection:
    def __init__(self, near, far):
        self.near, self.far = near, far  # the proxy's end, the daemon's
        self.sent, self.answered = b"", b""
        self.threads = [threading.Thread(target=self._carry, args=words, daemon=True)
                        for words in ((near, far, "sent"), (far, near, "answered"))]
        for thread in self.threads:
            thread.start()

    def _carry(self, source, sink, name):
        octets = b"-"
        while octets:
            try:
                octets = source.recv(65536)
            except OSError:
                octets = b""
            setattr(self, name, getattr(self, name) + octets)
            try:
                sink.sendall(octets) if octets else sink.shutdown(socket.SHUT_WR)
            except OSError:
                pass  # it hung up; the other direction tells

    def requests(self):
        return requests_in(self.sent)[0]

    def answers(self):
        return answers_in(self.answered)

    def surplus(self):
        """How many answers the daemon gave beyond the requests that a strict reader finds in what it got."""
        heads, malformed = requests_in(self.sent)
        return len(self.answers()) - len(heads) - malformed

    def hang_up(self):
        """The end of the proxy's octets. Everything the daemon has to say about those it got is said when this returns."""
        try:
            self.far.shutdown(socket.SHUT_WR)
        except OSError:
            pass
        self.threads[1].join(PATIENCE)  # the daemon closes when it has answered all
        assert not self.threads[1].is_alive(), "the daemon does not close"
        self.threads[0].join(2)  # the proxy notices
        for end in (self.near, self.far):
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
        self.threads[0].join(PATIENCE)
        self.near.close()
        self.far.close()


class WireTap:
    """Listens at .address and connects to `upstream` from 127.0.0.1, as the proxy would."""

    def __init__(self, upstream):
        self.upstream = upstream
        self.address = free_address()
        host, _, port = self.address.rpartition(":")
        self.listener = socket.create_server((host, int(port)), backlog=128)
        self.lock = threading.Lock()
        self.open = []
        self.thread = threading.Thread(target=self._accept, daemon=True)
        self.thread.start()

    def _accept(self):
        host, _, port = self.upstream.rpartition(":")
        while True:
            try:
                near, _ = self.listener.accept()
            except OSError:
                return
            far = socket.create_connection((host, int(port)), timeout=PATIENCE, source_address=("127.0.0.1", 0))
            far.settimeout(None)
            for end in (near, far):
                end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            with self.lock:
                self.open.append(Connection(near, far))

    def connections(self):
        with self.lock:
            return list(self.open)

    def settle(self):
        """Ends every connection; returns them, oldest first, complete."""
        with self.lock:
            ended, self.open = self.open, []
        for connection in ended:
            connection.hang_up()
        return ended

    def close(self):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.thread.join(PATIENCE)
        self.listener.close()
        self.settle()


def readings(target):
    """What some reader could take a target's path for: as it stands, unescaped once or twice, dot segments resolved or not."""
    if "://" in target.split("?")[0]:
        target = "/" + target.split("://", 1)[1].partition("/")[2]
    found = set()
    for path in (target, target.split("?")[0].split("#")[0].split(";")[0]):
        path = path.split("?")[0]
        for _ in range(3):
            flat = path.lower().replace("\\", "/")
            resolved = []
            for segment in flat.split("/"):
                if segment == "..":
                    resolved = resolved[:-1]
                elif segment not in ("", "."):
                    resolved.append(segment)
            found |= {flat, "/" + "/".join(resolved)}
            path = urllib.parse.unquote(path)
    return found


def wait_for(condition, what, seconds=PATIENCE):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"{what} never came"
        time.sleep(0.005)
