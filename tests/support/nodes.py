"""Several daemons on one PostgreSQL behind nginx and HAProxy, as docs/operations/high-availability.md sets them up: the proxies' lines are
read from there."""
import http.client
import json
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import time

from instance import Instance, InstanceTest, basic, die_with_parent, free_address, run
from postgresql import Postgresql
from scep_client import SUCCESS
from scep_crowd import Crowd

ROOT = pathlib.Path(__file__).resolve().parents[2]
NAMES = ("one", "two")


def documented(language):
    """The block of the document that is marked as being in `language`."""
    text = (ROOT / "docs/operations/high-availability.md").read_text()
    blocks = re.findall(rf"^ *```{language}\n(.*?)^ *```", text, re.DOTALL | re.MULTILINE)
    assert len(blocks) == 1, f"{len(blocks)} blocks of {language} in high-availability.md"
    return blocks[0]


def replaced(text, pairs):
    for old, new in pairs:
        assert old in text, f"{old!r} is not there any more"
        text = text.replace(old, new)
    return text


def second_node(first):
    """Another node of an instance: what a copy of its directory makes, at an address of its own."""
    node = Instance()
    shutil.copytree(first.home, node.home)
    node.created = {**first.created, "config": str(node.home / first.config.name)}
    node.set("[listener]", address=node.address)
    return node


class Front:
    """What a client sees: the proxy's address instead of a node's."""

    def __init__(self, node, address):
        self.node = node
        self.address = address

    def http(self, method, target, body=None, headers=()):
        return self.node.http(method, target, body, headers, address=self.address)

    def scep_target(self, *arguments):
        return self.node.scep_target(*arguments)

    def path(self, name):
        return self.node.path(name)


class Haproxy(Front):
    """With its administrative socket, so that tests see what it thinks of the nodes."""

    def __init__(self, node, address, stats):
        super().__init__(node, address)
        self.stats = stats

    def say(self, command):
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(30)
            connection.connect(str(self.stats))
            connection.sendall(command.encode() + b"\n")
            said = b""
            while piece := connection.recv(65536):
                said += piece
        return said.decode()

    def figures(self, name):
        """One server's line of `show stat`, by column."""
        lines = self.say("show stat").splitlines()
        columns = lines[0].lstrip("# ").split(",")
        for line in lines[1:]:
            found = dict(zip(columns, line.split(",")))
            if found["svname"] == name:
                return found
        raise AssertionError(f"HAProxy knows no {name}")

    def is_up(self, name):
        """And its last check says so too: not "UP 1/2"."""
        figures = self.figures(name)
        return figures["status"] == "UP" and figures["check_status"] == "L7OK"

    def is_down(self, name):
        return self.figures(name)["status"].startswith("DOWN")


class NodesTest(InstanceTest):
    """Two nodes, `one` and `two`, started; a database; a proxy of each kind."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.open_database()
        cls.one = Instance()
        cls.class_instances.append(cls.one)
        cls.one.init("--ca-key", "rsa2048", "--store", cls.database.url)
        cls.one.set("[listener]", trusted_proxies=["127.0.0.1"])
        cls.two = second_node(cls.one)
        cls.class_instances.append(cls.two)
        cls.nodes = (cls.one, cls.two)
        for node, name in zip(cls.nodes, NAMES):
            node.name = name
            node.set("store", url=cls.store_url(name))
            node.start()
        cls.bundle = cls.one.ca_bundle()
        cls.fronts = (cls.start_nginx(), cls.start_haproxy())

    @classmethod
    def open_database(cls):
        cls.database = Postgresql()
        cls.addClassCleanup(cls.database.close)

    @classmethod
    def store_url(cls, name):
        """So that the server's own views tell whose a connection is."""
        return f"{cls.database.url}&application_name={name}"

    def setUp(self):
        for node in self.nodes:
            if not node.is_up():  # another test has failed
                node.start()
        self.wait_until_proxied()

    # --- proxies ---------------------------------------------------------------------------------------------------------------

    @classmethod
    def addresses(cls):
        return [("10.0.0.1:8080", cls.one.address), ("10.0.0.2:8080", cls.two.address)]

    @classmethod
    def start_nginx(cls):
        directory = cls.one.path("nginx")
        directory.mkdir()
        front = Front(cls.one, free_address())
        shipped = (ROOT / "packaging/nginx/countersign.conf").read_text().split("# Devices:")[0]
        upstream = re.search(r"^upstream countersign \{.*?^\}\n", shipped, re.DOTALL | re.MULTILINE).group(0)
        again = re.search(r"^ *(proxy_next_upstream [^;]*;)", documented("nginx"), re.MULTILINE).group(1)
        several = re.search(r"^ *upstream countersign \{.*?\}\n", documented("nginx"), re.DOTALL | re.MULTILINE).group(0)
        shared = replaced(shipped, [(upstream, replaced(several, cls.addresses())),
                                    ("proxy_set_header X-Client-Certificate $ssl_client_escaped_cert;", "")])
        cls.nginx_log = directory / "error.log"
        (directory / "nginx.conf").write_text(f"""pid {directory}/pid; error_log {directory}/error.log; daemon off; master_process off;
events {{}}
http {{
access_log off;
client_body_temp_path {directory}/body; proxy_temp_path {directory}/proxy; fastcgi_temp_path {directory}/f;
uwsgi_temp_path {directory}/u; scgi_temp_path {directory}/s;
{shared}
server {{ listen {front.address}; location / {{ {again} proxy_pass http://countersign; }} }}
}}
""")
        cls.start_proxy(front, "/usr/sbin/nginx", "-e", directory / "error.log", "-c", directory / "nginx.conf")
        return front

    @classmethod
    def start_haproxy(cls):
        directory = cls.one.path("haproxy")
        directory.mkdir()
        front = Haproxy(cls.one, free_address(), directory / "stats")
        shipped = (ROOT / "packaging/haproxy/haproxy.cfg").read_text()
        top = shipped.split("# Devices:")[0]
        backend = shipped[shipped.index("\nbackend countersign\n") + 1:]
        one = re.search(r"^ *server countersign .*\n", backend, re.MULTILINE).group(0)
        several = replaced(backend, [(one, replaced(documented("haproxy"), cls.addresses()))])
        (directory / "haproxy.cfg").write_text(
            replaced(top, [("global\n", f"global\n    stats socket {front.stats} level admin\n    log stdout format raw daemon\n"),
                           ("mode http\n", "mode http\n    log global\n    option httplog\n")]) +
            f"frontend devices\n    bind {front.address}\n    default_backend countersign\n\n" + several)
        cls.start_proxy(front, "/usr/sbin/haproxy", "-db", "-f", directory / "haproxy.cfg")
        return front

    @classmethod
    def start_proxy(cls, front, *command):
        said = cls.one.path(f"{pathlib.Path(command[0]).name}.log")
        with open(said, "wb") as log:
            process = subprocess.Popen([str(word) for word in command], stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                       preexec_fn=die_with_parent)
        cls.addClassCleanup(lambda: (process.send_signal(signal.SIGTERM), process.wait(60)))
        for _ in range(200):
            if process.poll() is None and run("curl", "-s", "-o", "/dev/null", f"http://{front.address}/").returncode == 0:
                return
            time.sleep(0.05)
        raise AssertionError(f"{command[0]} does not come up: {said.read_text()}")

    # --- the nodes -------------------------------------------------------------------------------------------------------------

    def is_ready(self, node):
        try:
            return node.http("GET", "/readyz").status == 200
        except (OSError, http.client.HTTPException):
            return False

    def wait_until_ready(self, *nodes):
        for node in nodes or self.nodes:
            self.wait_until(lambda node=node: self.is_ready(node), what="readyz")

    def wait_until_proxied(self, *nodes):
        """Until HAProxy sends them requests."""
        for node in nodes or self.nodes:
            self.wait_until(lambda node=node: self.fronts[1].is_up(node.name), what=f"{node.name} in HAProxy")

    def in_flight(self, node):
        """The requests that a node holds at this moment and that are recorded, but have no outcome yet."""
        return self.database.query("SELECT id FROM attempts JOIN pg_locks ON locktype = 'advisory' AND objsubid = 1 AND"
                                   " (classid::bigint << 32 | objid::bigint) = hashtextextended(id, 4217364211)"
                                   " JOIN pg_stat_activity USING (pid)"
                                   f" WHERE application_name = '{node.name}' AND attempts.state IN ('intent', 'approved')").split()

    def mint(self, node):
        headers = (("Authorization", basic(node.created["admin_user"], node.created["admin_password"])),
                   ("Content-Type", "application/json"))
        answer = node.http("POST", "/api/v1/challenges", b"{}", headers)
        assert answer.status == 201, answer
        return json.loads(answer.body)["challenge"]

    def mint_somewhere(self, number):
        """At one node after the other; where one is away, at the next."""
        deadline = time.monotonic() + 60
        while True:
            try:
                return self.mint(self.nodes[number % len(self.nodes)])
            except (OSError, http.client.HTTPException, AssertionError):
                if time.monotonic() > deadline:
                    raise
                number += 1
                time.sleep(0.05)

    def crowd(self, name, width=6, mint=None, front=None):
        return Crowd(name, self.bundle, mint or self.mint_somewhere, front or (lambda number: self.fronts[number % 2]), width)

    def wait_for_served(self, crowd, more, what):
        """Until so many more devices have their certificates."""
        wanted = crowd.served() + more
        self.wait_until(lambda: crowd.served() >= wanted or crowd.trouble, seconds=90, what=what)

    # --- the verdict -----------------------------------------------------------------------------------------------------------

    def certificates_by_name(self, prefix):
        """{device: [serial]} of the ledger, for devices whose names begin so."""
        found = {}
        for line in self.database.query("SELECT subject, serial FROM certificates WHERE kind = 'enroll' AND subject"
                                        f" LIKE 'CN={prefix}-%'").splitlines():
            subject, serial = line.split("|")
            found.setdefault(subject.removeprefix("CN="), []).append(int(serial, 16))
        return found

    def assert_each_has_one(self, crowd, asked_again=20):
        """Every device has exactly one certificate, the ledger's; none was refused; each password was used, once, for that."""
        devices = crowd.devices
        self.assertEqual(crowd.trouble, [])
        self.assertEqual([(device.name, device.outcome, device.answers) for device in devices if device.outcome != SUCCESS], [])
        ledger = self.certificates_by_name(crowd.name)
        self.assertEqual({device.name: sorted(device.serials) for device in devices}, ledger, "what clients hold is what the ledger has")
        self.assertTrue(all(len(serials) == 1 for serials in ledger.values()), ledger)
        twice = self.database.query("SELECT challenge_mac, count(*) FROM attempts a JOIN certificates c ON c.attempt = a.id"
                                    " WHERE challenge_mac <> '' GROUP BY 1 HAVING count(*) <> 1")
        self.assertEqual(twice, "", "one certificate for each password")
        self.assertEqual(self.unfinished(), "0")
        # Who asks once more, at whichever node, is given the same.
        for device in devices[::max(1, len(devices) // asked_again)]:
            self.assertTrue(device.ask(device.first_message), device.answers)
            self.assertEqual(device.outcome, SUCCESS)
            self.assertEqual(len(device.serials), 1, f"{device.name} was given another")

    def assert_heard_nothing_but(self, crowd, *expected):
        """And shows what else was said to whom, where."""
        unexpected = [(device.name, device.client.instance.address, device.answers, device.last_words) for device in crowd.devices
                      if not {str(answer) for answer in device.answers} <= set(expected)]
        if unexpected:
            said = [f"HAProxy {line}" for line in self.one.path("haproxy.log").read_text().splitlines() if " 200 " not in line]
            for node in self.nodes:
                said += [f"{node.name} {line}" for line in node.log().splitlines() if re.search("-> [45]|draining|stopped|listening", line)]
            said += [f"PostgreSQL {line}" for line in (self.database.directory / "log").read_text().splitlines() if "FATAL" in line]
            self.fail("\n".join(str(each) for each in unexpected) + "\n" + "\n".join(line[:300] for line in said[-80:]))

    def unfinished(self):
        return self.database.query("SELECT count(*) FROM attempts WHERE state IN ('intent', 'approved', 'pending', 'held')")

    def challenge_states(self):
        return dict(line.split("|") for line in
                    self.database.query("SELECT state, count(*) FROM challenges GROUP BY 1").splitlines())

    def issued(self):
        return int(self.database.query("SELECT COUNT(*) FROM certificates WHERE kind = 'enroll'"))
