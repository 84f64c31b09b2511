"""A Countersign instance of one's own for black-box tests: made by `countersign init`, run by `countersignd`.

Each instance lives in a temporary directory and on a loopback address of its own, so that scripts may run side by side and a
restarted daemon comes back at the same URL. The programs come from COUNTERSIGN_BIN and COUNTERSIGND_BIN (CTest sets them).
"""
import base64
import ctypes
import http.client
import json
import os
import pathlib
import random
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import unittest
import urllib.parse

START_SECONDS = 60
COMMAND_SECONDS = 120
SOFTHSM = "/usr/lib/softhsm/libsofthsm2.so"


def program(name, version=""):
    """Path of `countersign` or `countersignd`; of the version "next" where a test asks for that."""
    variable = {"countersign": "COUNTERSIGN", "countersignd": "COUNTERSIGND"}[name] + (f"_{version.upper()}" if version else "") + "_BIN"
    path = os.environ.get(variable) or shutil.which(name)
    if not path:
        raise RuntimeError(f"set {variable} to the {name} program")
    return path


def run(*command, stdin=b"", env=None, timeout=COMMAND_SECONDS, cwd=None):
    """Runs a program; returns the CompletedProcess with octets as stdout and stderr."""
    words = [str(word) for word in command]
    return subprocess.run(words, input=stdin, capture_output=True, timeout=timeout, check=False, cwd=cwd,
                          env={**os.environ, **(env or {})})


def run_ok(*command, **options):
    """As run(); a failure is an AssertionError that shows what the program said."""
    done = run(*command, **options)
    if done.returncode != 0:
        raise AssertionError(f"{command} failed with {done.returncode}\n{text(done)}")
    return done


def text(done):
    """What a program said on both streams."""
    return (done.stdout + b"\n" + done.stderr).decode("utf-8", "replace")


def countersign(*arguments, **options):
    return run(program("countersign"), *arguments, **options)


def free_address():
    """HOST:PORT on a loopback address that is most likely nobody else's."""
    host = f"127.{random.randint(1, 254)}.{random.randint(1, 254)}.{random.randint(1, 254)}"
    with socket.socket() as probe:
        probe.bind((host, 0))
        return f"{host}:{probe.getsockname()[1]}"


def die_with_parent():
    """In a child: SIGKILL when the test script is killed, for then nothing else would end it."""
    pr_set_pdeathsig = 1
    ctypes.CDLL(None).prctl(pr_set_pdeathsig, signal.SIGKILL)


def basic(name, password):
    """The value of an Authorization header (RFC 7617)."""
    return "Basic " + base64.b64encode(f"{name}:{password}".encode()).decode()


class Answer:
    """An HTTP answer: status, headers (names in lower case), body."""

    def __init__(self, status, headers, body):
        self.status = status
        self.headers = {name.lower(): value for name, value in headers}
        self.body = body

    @property
    def content_type(self):
        return self.headers.get("content-type")

    def __repr__(self):
        return f"<{self.status} {self.headers} {self.body[:200]!r}>"


class Instance:
    """One instance. Promises that close() leaves no process and no file behind."""

    def __init__(self, listen=None):
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="countersign-"))
        self.home = self.directory / "instance"
        self.address = listen or free_address()
        self.log_file = self.directory / "daemon.log"
        self.process = None
        self.created = None
        self._last_log = ""
        self._log_mark = 0
        self.environment = {}
        self.token_uri = None
        self.version = ""  # of both programs, as program() knows it
        if os.environ.get("COUNTERSIGN_TEST_TOKEN"):
            self.add_token()

    def add_token(self):
        """A SoftHSM of this instance's own; init() then makes every key in it."""
        tokens = self.directory / "tokens"
        tokens.mkdir()
        configuration = self.directory / "softhsm2.conf"
        configuration.write_text(f"directories.tokendir = {tokens}\nobjectstore.backend = file\nlog.level = ERROR\n")
        self.environment = {"SOFTHSM2_CONF": str(configuration)}
        run_ok("softhsm2-util", "--init-token", "--free", "--label", "ra", "--pin", "4711", "--so-pin", "47114711",
               env=self.environment)
        self.pin_file = self.directory / "pin"
        self.pin_file.write_text("4711\n")
        self.pin_file.chmod(0o600)
        self.token_uri = f"pkcs11:token=ra?pin-source=file:{self.pin_file}&module-path={SOFTHSM}"
        return self

    def remove_token(self):
        """As if it were pulled out."""
        (self.directory / "tokens").rename(self.directory / "tokens-away")
        (self.directory / "tokens").mkdir()

    def restore_token(self):
        (self.directory / "tokens").rmdir()
        (self.directory / "tokens-away").rename(self.directory / "tokens")

    def init(self, *arguments):
        """Runs `countersign init`; what it printed as JSON becomes self.created. A small CA key unless told otherwise: it is quick."""
        arguments = arguments or ("--ca-key", "rsa2048")
        if self.token_uri:
            arguments = (*arguments, "--token", self.token_uri)
        done = countersign("init", self.home, "--listen", self.address, "--json", *arguments, env=self.environment)
        if done.returncode != 0:
            raise AssertionError(f"countersign init failed with {done.returncode}\n{text(done)}")
        self.created = json.loads(done.stdout)
        return self

    # --- configuration -------------------------------------------------------------------------------------------------------

    @property
    def config(self):
        return pathlib.Path(self.created["config"])

    @property
    def scep_url(self):
        return self.created["scep_url"]

    def path(self, name):
        """A file for the test's own use, beside the instance."""
        return self.directory / name

    def set(self, table, **values):
        """Sets keys of a TOML table: replaced where they stand, else put below its header; the table is appended when absent.

        `table` is the header's text, for example "profile.default" or "[listener]" for the first [[listener]]. An inline table
        such as `challenge = { ... }` is replaced as a whole by passing its new text. Values are Python str, bool, int or list,
        or Toml for verbatim text.
        """
        lines = self.config.read_text().splitlines()
        header = f"[{table}]"
        begin = next((i for i, line in enumerate(lines) if line.split("#")[0].strip() == header), None)
        if begin is None:
            lines += ["", header]
            begin = len(lines) - 1
        for key, value in values.items():
            end = next((i for i in range(begin + 1, len(lines)) if lines[i].lstrip().startswith("[")), len(lines))
            rendered = f"{key} = {toml(value)}"
            at = next((i for i in range(begin + 1, end) if re.match(rf"\s*{re.escape(key)}\s*=", lines[i])), None)
            if at is None:
                lines.insert(begin + 1, rendered)
            else:
                lines[at] = rendered
        self.config.write_text("\n".join(lines) + "\n")

    def append(self, toml_text):
        self.config.write_text(self.config.read_text() + "\n" + toml_text + "\n")

    # --- the daemon ----------------------------------------------------------------------------------------------------------

    def start(self, wait=True):
        """Starts the daemon and waits until it says that it listens."""
        assert self.process is None, "the daemon runs already"
        with open(self.log_file, "ab") as log:
            self._log_mark = log.tell()
            self.process = subprocess.Popen([program("countersignd", self.version), "--config", str(self.config)], stdin=subprocess.DEVNULL,
                                            stdout=log, stderr=log, preexec_fn=die_with_parent,
                                            env={**os.environ, **self.environment})
        if wait:
            self.wait_for_log(r"listening on ")
        return self

    def wait_for_log(self, pattern, since_start=True, seconds=START_SECONDS):
        """Waits until the daemon has logged a line that matches; returns the match."""
        deadline = time.monotonic() + seconds
        while True:
            log = self.log_file.read_bytes()[self._log_mark if since_start else 0:].decode("utf-8", "replace")
            match = re.search(pattern, log)
            if match:
                return match
            if self.process and self.process.poll() is not None:
                raise AssertionError(f"the daemon ended with {self.process.returncode}\n{self.log()}")
            if time.monotonic() > deadline:
                raise AssertionError(f"the daemon never logged {pattern!r}\n{self.log()}")
            time.sleep(0.02)

    def listening_on(self):
        """Every address the running daemon logged."""
        log = self.log_file.read_bytes()[self._log_mark:].decode("utf-8", "replace")
        return re.findall(r"listening on (\S+)", log)

    def stop(self, seconds=60):
        """SIGTERM; returns the exit code."""
        process, self.process = self.process, None
        process.send_signal(signal.SIGTERM)
        return process.wait(seconds)

    def kill(self):
        """SIGKILL, as a power cut for the process."""
        process, self.process = self.process, None
        process.kill()
        return process.wait(30)

    def restart(self):
        code = self.stop()
        assert code == 0, f"the daemon ended with {code}"
        return self.start()

    def reload(self, seconds=30):
        """SIGHUP; waits for the line that says what became of it and returns it."""
        mark = len(self.log())
        self.process.send_signal(signal.SIGHUP)
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            match = re.search(r"^.*(reloaded|not reloaded).*$", self.log()[mark:], re.MULTILINE)
            if match:
                return match.group(0)
            time.sleep(0.02)
        raise AssertionError("the daemon did not say what became of SIGHUP")

    def is_up(self):
        return self.process is not None and self.process.poll() is None

    def resident_kib(self):
        status = pathlib.Path(f"/proc/{self.process.pid}/status").read_text()
        return int(re.search(r"VmRSS:\s+(\d+)", status).group(1))

    def log(self):
        """Everything the daemon has logged; also after close()."""
        if self.log_file.exists():
            self._last_log = self.log_file.read_text(errors="replace")
        return self._last_log

    def close(self):
        if self.process is not None:
            if self.process.poll() is None:
                self.process.kill()
            self.process.wait(30)
            self.process = None
        self.log()
        shutil.rmtree(self.directory, ignore_errors=True)

    # --- the command line ----------------------------------------------------------------------------------------------------

    def command(self, *words, check=True):
        """`countersign WORDS --config FILE`."""
        done = run(program("countersign", self.version), *words, "--config", self.config, env=self.environment)
        if check and done.returncode != 0:
            raise AssertionError(f"countersign {words} failed with {done.returncode}\n{text(done)}")
        return done

    def json(self, *words):
        """As command(), with --json; what it printed, as a Python value."""
        return json.loads(self.command(*words, "--json").stdout)

    def challenge(self, *arguments):
        """A fresh one-time password."""
        return self.command("challenge", "new", *arguments).stdout.decode().strip()

    def certificates(self):
        """The ledger's certificates that were issued by enrollment."""
        return [entry for entry in self.json("certificate", "list") if entry["kind"] in ("enroll", "renew")]

    def requests(self):
        return self.json("request", "list")

    # --- the audit log -------------------------------------------------------------------------------------------------------

    def audit(self, event=None):
        """The audit log's events, oldest first; only those with the given id, or all but checkpoints, which come when they will."""
        file = self.home / "audit.log"
        for candidate in (file, *self.home.glob("*audit*")):
            if candidate.is_file():
                file = candidate
                break
        lines = [json.loads(line) for line in file.read_text().splitlines() if line]
        return [line for line in lines if line["event"] == (event or line["event"]) and
                (event or line["event"] != "audit.checkpoint")]

    # --- HTTP ----------------------------------------------------------------------------------------------------------------

    def http(self, method, target, body=None, headers=(), address=None, timeout=60):
        """One request, sent as given; returns an Answer."""
        host, _, port = (address or self.address).rpartition(":")
        connection = http.client.HTTPConnection(host, int(port), timeout=timeout)
        try:
            connection.putrequest(method, target, skip_accept_encoding=True)
            for name, value in headers:
                connection.putheader(name, value)
            if body is not None:
                connection.putheader("Content-Length", str(len(body)))
            connection.endheaders(body)
            answer = connection.getresponse()
            return Answer(answer.status, answer.getheaders(), answer.read())
        finally:
            connection.close()

    def raw(self, octets, timeout=60, half_close=False):
        """Sends octets on a connection of their own; returns everything that comes back until the server closes."""
        with self.connect(timeout) as connection:
            connection.sendall(octets)
            if half_close:
                connection.shutdown(socket.SHUT_WR)
            return read_to_end(connection)

    def connect(self, timeout=60):
        host, _, port = self.address.rpartition(":")
        return socket.create_connection((host, int(port)), timeout=timeout)

    def scep_target(self, operation=None, message=None, path=None):
        target = path or urllib.parse.urlsplit(self.scep_url).path
        if operation is not None:
            target += f"?operation={operation}"
        if message is not None:
            target += f"&message={message}"
        return target

    def ca_bundle(self):
        """Writes GetCACert's certificates as PEM files; returns {"agent", "encryption", "ca", "all"} as paths.

        Which certificate is which is found by what they say of themselves, as a client would."""
        answer = self.http("GET", self.scep_target("GetCACert"))
        assert answer.status == 200, answer
        pem = run_ok("openssl", "pkcs7", "-inform", "DER", "-print_certs", stdin=answer.body).stdout.decode()
        found = {"all": self.path("bundle.pem")}
        found["all"].write_text(pem)
        for block in re.findall(r"-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----\n", pem, re.DOTALL):
            words = run_ok("openssl", "x509", "-noout", "-text", stdin=block.encode()).stdout.decode()
            role = "ca" if "CA:TRUE" in words else "encryption" if "Key Encipherment" in words else "agent"
            found[role] = self.path(f"{role}.pem")
            found[role].write_text(block)
        return found


def read_to_end(connection):
    received = b""
    while True:
        try:
            piece = connection.recv(65536)
        except ConnectionResetError:
            return received
        if not piece:
            return received
        received += piece


class Toml(str):
    """TOML text that is written as it stands."""


def toml(value):
    if isinstance(value, Toml):
        return str(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(toml(entry) for entry in value) + "]"
    return json.dumps(value) if isinstance(value, str) else str(value)


class InstanceTest(unittest.TestCase):
    """Shows the daemons' logs of a test that fails, and cleans up after each."""

    maxDiff = None

    @classmethod
    def setUpClass(cls):
        cls.class_instances = []

    @classmethod
    def tearDownClass(cls):
        for instance in cls.class_instances:
            instance.close()

    def instance(self, listen=None):
        """An initialised instance for this test alone; not started."""
        instance = Instance(listen)
        self.addCleanup(instance.close)
        self.own_instances.append(instance)
        return instance.init()

    @classmethod
    def shared_instance(cls):
        """An initialised instance for all tests of the class; not started."""
        instance = Instance()
        cls.class_instances.append(instance)
        return instance.init()

    def run(self, result=None):
        self.own_instances = []
        failures = len(result.failures) + len(result.errors)
        seen = {instance: len(instance.log()) for instance in self.class_instances}
        super().run(result)
        if len(result.failures) + len(result.errors) == failures:
            return
        for instance in self.own_instances + self.class_instances:
            log = instance.log()[seen.get(instance, 0):]
            print(f"\n--- log of {self.id()} ---\n{log[-6000:]}--- end of log ---", file=sys.stderr, flush=True)

    def wait_until(self, condition, seconds=30, what="the condition"):
        """Waits for a condition; nothing here asserts how long it took."""
        deadline = time.monotonic() + seconds
        while not condition():
            self.assertLess(time.monotonic(), deadline, f"{what} never came true")
            time.sleep(0.05)
