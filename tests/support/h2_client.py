"""An HTTP/2 client that sends any fields it is told to, right or wrong."""
import socket
import sys

# Debian's packages are written in Python alone, so another interpreter may take them too.
sys.path.append("/usr/lib/python3/dist-packages")

import h2.config
import h2.connection
import h2.events
import h2.exceptions


class H2Client:
    """One connection, on a socket that speaks HTTP/2 already (ALPN or prior knowledge)."""

    def __init__(self, connected):
        self.socket = connected
        self.h2 = h2.connection.H2Connection(h2.config.H2Configuration(
            client_side=True, header_encoding=None, validate_outbound_headers=False, normalize_outbound_headers=False,
            validate_inbound_headers=False))
        self.h2.initiate_connection()
        self.ended = False

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def ask(self, fields, body=b"", trailers=(), patience=60):
        """(status, body) of one request; status None if the stream was reset, the connection ended or nothing came."""
        stream = self.h2.get_next_available_stream_id()
        self.h2.send_headers(stream, fields, end_stream=not body and not trailers)
        if body:
            # Past the client's own bookkeeping of Content-Length and of what a GET may have.
            self.h2.send_data(stream, body, end_stream=not trailers)
        if trailers:
            self.h2.send_headers(stream, trailers, end_stream=True)
        status, received = None, b""
        self.socket.settimeout(patience)
        try:
            self.socket.sendall(self.h2.data_to_send())
            while not self.ended:
                octets = self.socket.recv(65536)
                self.ended = not octets
                for event in self.h2.receive_data(octets):
                    if isinstance(event, h2.events.ConnectionTerminated):
                        self.ended = True
                    if getattr(event, "stream_id", None) != stream:
                        continue
                    if isinstance(event, h2.events.ResponseReceived):
                        status = int(dict(event.headers)[b":status"])
                    if isinstance(event, h2.events.DataReceived):
                        received += event.data
                        self.h2.acknowledge_received_data(event.flow_controlled_length, stream)
                    if isinstance(event, h2.events.StreamReset):
                        return status, received
                    if isinstance(event, h2.events.StreamEnded):
                        return status, received
                self.socket.sendall(self.h2.data_to_send())
        except (socket.timeout, OSError, h2.exceptions.ProtocolError):
            self.ended = True
        return status, received

    def get(self, path, *fields):
        return self.ask([(b":method", b"GET"), (b":scheme", b"https"), (b":authority", b"ndes.test"), (b":path", path.encode()), *fields])
