"""A web server for one directory that can be taken away and put back at the same port, and remembers what it was asked."""
import functools
import http.server
import threading


class Handler(http.server.SimpleHTTPRequestHandler):
    def do_GET(self):
        self.server.asked.append(self.path)
        redirect = self.server.redirects.get(self.path)
        if redirect is None:
            return super().do_GET()
        self.send_response(302)
        self.send_header("Location", redirect)
        self.send_header("Content-Length", "0")
        return self.end_headers()

    def log_message(self, *_words):
        pass


class WebFiles:
    """Promises that stop() leaves no thread behind."""

    def __init__(self, directory):
        self.handler = functools.partial(Handler, directory=str(directory))
        self.address = ("127.0.0.1", 0)
        self.asked = []
        self.redirects = {}
        self.server = None
        self.start()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.address[1]}"

    def start(self):
        self.server = http.server.ThreadingHTTPServer(self.address, self.handler)
        self.server.asked, self.server.redirects = self.asked, self.redirects
        self.address = self.server.server_address
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True)
        self.thread.start()

    def stop(self):
        if self.server is None:
            return
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()
        self.server = None
