#!/usr/bin/env python3
"""Plays a SCEP server far enough for a client to send its request, and writes down what it sends.

capture.py PORT DIRECTORY CAPABILITY[,CAPABILITY...] BUNDLE.der

Writes NN-METHOD.target for every request and NN-POST.body for every body; PKIOperation is answered with 403.
"""
import http.server
import pathlib
import sys

port, directory, capabilities, bundle = int(sys.argv[1]), pathlib.Path(sys.argv[2]), sys.argv[3], sys.argv[4]
directory.mkdir(parents=True, exist_ok=True)
ANSWERS = {
    "getcacaps": (capabilities.replace(",", "\n").encode() + b"\n", "text/plain"),
    "getcacert": (pathlib.Path(bundle).read_bytes(), "application/x-x509-ca-ra-cert"),
    "getcachain": (pathlib.Path(bundle).read_bytes(), "application/x-x509-ca-ra-cert"),
}
count = 0


class Capture(http.server.BaseHTTPRequestHandler):
    def respond(self):
        global count
        count += 1
        stem = f"{count:02}-{self.command}"
        (directory / f"{stem}.target").write_text(self.path)
        length = int(self.headers.get("Content-Length", "0"))
        if length:
            (directory / f"{stem}.body").write_bytes(self.rfile.read(length))
        operation = self.path.partition("operation=")[2].partition("&")[0].lower()
        body, media_type = ANSWERS.get(operation, (b"captured", "text/plain"))
        self.send_response(200 if operation in ANSWERS else 403)
        self.send_header("Content-Type", media_type)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_POST = respond


http.server.HTTPServer(("127.0.0.1", port), Capture).serve_forever()
