"""The command line that scripts rely on: exit codes, JSON keys, and refusals that say what to do."""
import json
import re
import socket
import stat
import subprocess
import unittest

from instance import Instance, InstanceTest, countersign, free_address, program, run, run_ok, text
from scep_client import Client, FAILURE, SUCCESS, says, serial_of

DONE, REFUSED, USAGE = 0, 1, 2


class InitTest(InstanceTest):
    def directory(self):
        keeper = Instance()
        self.addCleanup(keeper.close)
        return keeper.directory

    def test_prints_what_scripts_need_as_json(self):
        instance = self.instance()
        created = instance.created
        self.assertLessEqual({"config", "scep_url", "admin_url", "admin_user", "admin_password", "ca_sha256"}, set(created))
        self.assertTrue(instance.config.is_file())
        self.assertEqual(created["scep_url"], f"http://{instance.address}/certsrv/mscep/mscep.dll")
        self.assertIn("/certsrv/mscep_admin", created["admin_url"])
        self.assertGreaterEqual(len(created["admin_password"]), 16)
        instance.start()
        fingerprint = run_ok("openssl", "x509", "-noout", "-fingerprint", "-sha256", "-in", instance.ca_bundle()["ca"]).stdout.decode()
        self.assertEqual(re.sub("[^0-9a-f]", "", fingerprint.split("=")[1].lower()),
                         re.sub("[^0-9a-f]", "", created["ca_sha256"].lower()))

    def test_one_key_for_both_of_the_ra_is_refused(self):
        instance = self.instance()
        ra = instance.home / "ra"
        for end in ("key", "pem"):
            (ra / f"agent.{end}").write_bytes((ra / f"encryption.{end}").read_bytes())
        done = instance.command("check", check=False)
        self.assertEqual(done.returncode, REFUSED, text(done))
        self.assertIn("are the same key", text(done))

    def test_prints_the_same_for_people(self):
        home = self.directory() / "instance"
        done = countersign("init", home, "--listen", free_address())
        self.assertEqual(done.returncode, DONE, text(done))
        for word in (str(home / "countersign.toml"), "/certsrv/mscep/mscep.dll", "/certsrv/mscep_admin"):
            self.assertIn(word, done.stdout.decode())

    def test_secrets_are_readable_by_their_owner_alone(self):
        instance = self.instance()
        secret = [file for file in instance.home.rglob("*")
                  if file.is_file() and (b"PRIVATE KEY" in file.read_bytes() or "pepper" in file.name or "secret" in file.name)]
        self.assertGreaterEqual(len(secret), 4, secret)
        for file in secret:
            self.assertEqual(stat.S_IMODE(file.stat().st_mode) & 0o077, 0, file)
        self.assertNotIn(instance.created["admin_password"], instance.config.read_text())

    def test_two_instances_share_no_secret(self):
        first, second = self.instance(), self.instance()
        self.assertNotEqual(first.created["admin_password"], second.created["admin_password"])
        self.assertNotEqual(first.created["ca_sha256"], second.created["ca_sha256"])

    def test_refuses_to_overwrite(self):
        instance = self.instance()
        before = {file: file.read_bytes() for file in instance.home.rglob("*") if file.is_file()}
        done = countersign("init", instance.home, "--listen", free_address(), "--json")
        self.assertEqual(done.returncode, REFUSED)
        self.assertEqual(done.stdout, b"")
        self.assertIn(str(instance.home), done.stderr.decode())
        self.assertEqual({file: file.read_bytes() for file in instance.home.rglob("*") if file.is_file()}, before)

    def test_leaves_a_strangers_directory_alone(self):
        home = self.directory() / "occupied"
        home.mkdir()
        (home / "thesis.txt").write_text("mine")
        self.assertEqual(countersign("init", home, "--listen", free_address()).returncode, REFUSED)
        self.assertEqual([file.name for file in home.iterdir()], ["thesis.txt"])

    def test_leaves_nothing_when_it_fails(self):
        parent = self.directory()
        for name, arguments in {"address": ["--listen", "nonsense"], "port": ["--listen", "127.0.0.1:99999"]}.items():
            with self.subTest(name):
                done = countersign("init", parent / name, *arguments)
                self.assertIn(done.returncode, (REFUSED, USAGE))
                self.assertEqual(done.stdout, b"")
                self.assertIn(arguments[1], done.stderr.decode())
                self.assertEqual(list(parent.iterdir()), [])
        (parent / "file").write_text("")
        self.assertEqual(countersign("init", parent / "file" / "below").returncode, REFUSED)
        self.assertEqual([file.name for file in parent.iterdir()], ["file"])

    def test_port_0_is_refused_here_and_a_free_port_in_the_configuration(self):
        # init prints URLs, and one with port 0 would be of no use.
        done = countersign("init", self.directory() / "instance", "--listen", "127.0.0.1:0")
        self.assertEqual(done.returncode, REFUSED)
        instance = self.instance()
        instance.set("[listener]", address="127.0.0.1:0")
        instance.start()
        (address,) = instance.listening_on()
        self.assertRegex(address, r"^127\.0\.0\.1:[1-9]\d*$")
        self.assertEqual(instance.http("GET", "/certsrv/mscep/mscep.dll?operation=GetCACaps", address=address).status, 200)


class UsageTest(unittest.TestCase):
    def assert_usage(self, *words, of="countersign"):
        done = run(program(of), *words)
        self.assertEqual(done.returncode, USAGE, text(done))
        self.assertNotEqual(done.stderr, b"")

    def test_wrong_usage_is_exit_code_2(self):
        for words in ([], ["enrol"], ["init"], ["challenge"], ["challenge", "new"], ["challenge", "new", "--config"],
                      ["certificate", "show", "--config", "x"], ["request", "deny", "--config", "x", "id"],
                      ["challenge", "list", "--colour", "--config", "x"], ["check"], ["probe"]):
            with self.subTest(words=words):
                self.assert_usage(*words)
        self.assert_usage(of="countersignd")
        self.assert_usage("--config", of="countersignd")
        self.assert_usage("--config", "x", "--daemonize", of="countersignd")

    def test_help_and_version_are_exit_code_0(self):
        for name in ("countersign", "countersignd"):
            self.assertEqual(run(program(name), "--help").returncode, DONE)
            self.assertRegex(run(program(name), "--version").stdout.decode(), r"\d+\.\d+")

    def test_explains_the_configuration(self):
        done = countersign("config", "explain")
        self.assertEqual(done.returncode, DONE)
        self.assertIn("hold_for_approval", done.stdout.decode())
        one = countersign("config", "explain", "server.queue")
        self.assertEqual(one.returncode, DONE)
        self.assertIn("1024", one.stdout.decode())
        self.assertEqual(countersign("config", "explain", "server.quue").returncode, REFUSED)


class ConfigurationTest(InstanceTest):
    """A configuration that is refused: by `check`, by the daemon and by the other commands, in the same words."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.server = cls.shared_instance()
        cls.good = cls.server.config.read_text()

    def setUp(self):
        self.server.config.write_text(self.good)

    def line_of(self, needle):
        return next(number for number, line in enumerate(self.server.config.read_text().splitlines(), 1) if needle in line)

    def assert_refused(self, *words):
        for done in (self.server.command("check", check=False), run(program("countersignd"), "--config", self.server.config, timeout=30)):
            self.assertEqual(done.returncode, REFUSED, text(done))
            for word in words:
                self.assertIn(word, text(done))

    def test_a_good_one_passes(self):
        done = self.server.command("check")
        self.assertNotIn("error", text(done).lower())

    def test_an_unknown_key_is_named_with_its_line_and_the_remedy(self):
        self.server.set("profile.default", chalenge_mode="none")
        self.assert_refused(f"countersign.toml:{self.line_of('chalenge_mode')}", "chalenge_mode")

    def test_a_misspelt_key_gets_a_suggestion(self):
        self.server.set("server", max_conections=5)
        self.assert_refused(f":{self.line_of('max_conections')}", "max_conections", "max_connections")

    def test_a_wrong_type_and_range(self):
        self.server.set("server", workers="many")
        self.assert_refused(f":{self.line_of('workers = ')}", "server.workers")
        self.server.set("server", workers=100000)
        self.assert_refused(f":{self.line_of('workers = ')}", "1024")

    def test_a_syntax_error(self):
        self.server.append("[template")
        self.assert_refused(f"countersign.toml:{len(self.server.config.read_text().splitlines())}")

    def test_all_findings_come_at_once(self):
        self.server.set("server", max_conections=5, workers="many")
        self.assert_refused("max_conections", "server.workers")

    def test_a_missing_challenge_mode_does_not_start(self):
        self.server.append('[profile.open]\npaths = ["/open"]\ntemplates = '
                           '{ signature = "device", encryption = "device", general_purpose = "device" }')
        self.assert_refused("profile.open", "challenge")

    def test_missing_files_and_loose_modes(self):
        key = next(file for file in self.server.home.rglob("*encryption*key*"))
        key.chmod(0o644)
        self.addCleanup(key.chmod, 0o600)
        self.assert_refused(str(key), "chmod 600")
        hidden = key.with_name("elsewhere")
        key.rename(hidden)
        self.addCleanup(hidden.rename, key)
        hidden.chmod(0o600)
        self.assert_refused(str(key))

    def test_a_key_that_is_not_the_certificates(self):
        agent = next(file for file in self.server.home.rglob("*agent*key*"))
        encryption = next(file for file in self.server.home.rglob("*encryption*key*"))
        octets = agent.read_bytes()
        self.addCleanup(agent.write_bytes, octets)
        agent.write_bytes(encryption.read_bytes())
        self.assert_refused("agent")

    def test_a_missing_file_is_named(self):
        for done in (countersign("check", "--config", "/no/such.toml"), run(program("countersignd"), "--config", "/no/such.toml")):
            self.assertEqual(done.returncode, REFUSED)
            self.assertIn("/no/such.toml", done.stderr.decode() + done.stdout.decode())

    def test_a_taken_port_is_named(self):
        host, port = self.server.address.split(":")
        with socket.create_server((host, int(port))):
            done = run(program("countersignd"), "--config", self.server.config, timeout=30)
        self.assertEqual(done.returncode, REFUSED)
        self.assertIn(self.server.address, text(done))


class CommandsTest(InstanceTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.server = cls.shared_instance().start()
        cls.bundle = cls.server.ca_bundle()

    def enroll(self, name, **options):
        client = Client(self.server, self.bundle, name)
        client.message = client.request(self.server.challenge(), **options)
        self.assertEqual(client.send(client.message).status, SUCCESS)
        return client

    def refused(self, *words):
        done = self.server.command(*words, check=False)
        self.assertEqual(done.returncode, REFUSED, text(done))
        self.assertEqual(done.stdout, b"")
        self.assertNotEqual(done.stderr, b"")
        return done.stderr.decode()

    # --- challenge -----------------------------------------------------------------------------------------------------------

    def test_new_challenge_stands_alone_on_standard_output(self):
        done = self.server.command("challenge", "new")
        self.assertRegex(done.stdout.decode(), r"^[0-9A-F]{16}\n$")
        self.assertNotEqual(done.stdout, self.server.command("challenge", "new").stdout)
        as_json = self.server.json("challenge", "new", "--valid", "5")
        self.assertEqual({"challenge", "id", "profile", "expires"}, set(as_json))

    def test_list_shows_challenges_but_not_their_values(self):
        made = self.server.json("challenge", "new", "--subject", "CN=somebody", "--san", "dns:somebody.example")
        listed = self.server.json("challenge", "list")
        (entry,) = [one for one in listed if one["id"] == made["id"]]
        self.assertEqual((entry["state"], entry["subject"], entry["sans"]), ("outstanding", "CN=somebody", ["dns:somebody.example"]))
        self.assertNotIn(made["challenge"], json.dumps(listed))
        self.assertIn(made["id"], self.server.command("challenge", "list").stdout.decode())

    def test_a_revoked_challenge_is_refused(self):
        made = self.server.json("challenge", "new")
        self.server.command("challenge", "revoke", made["id"])
        self.assertNotIn(made["id"], [one["id"] for one in self.server.json("challenge", "list")])
        client = Client(self.server, self.bundle, "revoked-challenge")
        self.assertEqual(client.send(client.request(made["challenge"])).status, FAILURE)
        self.assertIn("revoked", self.server.audit()[-1]["reason"])
        self.refused("challenge", "revoke", "000000000000")

    def test_a_bound_challenge_admits_its_subject_alone(self):
        password = self.server.challenge("--subject", "CN=bound")
        other = Client(self.server, self.bundle, "unbound")
        self.assertEqual(other.send(other.request(password)).status, FAILURE)
        bound = Client(self.server, self.bundle, "bound")
        self.assertEqual(bound.send(bound.request(password)).status, SUCCESS)

    def test_unknown_profiles_and_bad_values_are_refused(self):
        self.assertIn("default", self.refused("challenge", "new", "--profile", "nowhere"))
        self.assertEqual(self.server.command("challenge", "new", "--valid", "0x", check=False).returncode, USAGE)
        self.refused("challenge", "new", "--subject", "not a name")
        self.refused("challenge", "new", "--san", "colour:blue")

    # --- certificate ---------------------------------------------------------------------------------------------------------

    def test_list_and_show(self):
        client = self.enroll("shown", extensions=["subjectAltName = DNS:shown.example"])
        (entry,) = [one for one in self.server.certificates() if "CN=shown" in one["subject"]]
        self.assertLessEqual({"serial", "subject", "sans", "not_before", "not_after", "state", "profile", "template", "kind"}, set(entry))
        self.assertEqual((entry["state"], entry["profile"], entry["sans"]), ("valid", "default", ["dns:shown.example"]))
        shown = self.server.json("certificate", "show", entry["serial"])
        self.assertEqual(shown["pem"].split(), client.certificate.read_text().split())
        only_pem = self.server.command("certificate", "show", entry["serial"], "--pem").stdout.decode()
        self.assertEqual(only_pem.split(), shown["pem"].split())
        self.assertIn("CN=shown", self.server.command("certificate", "list").stdout.decode())
        colons = re.sub("(..)(?=.)", r"\1:", serial_of(client.certificate.read_text()).upper())
        self.assertEqual(self.server.json("certificate", "show", colons)["serial"], entry["serial"])
        self.refused("certificate", "show", "abcdef")

    def crl(self):
        url = re.search(r"URI:(http://\S+)", run_ok("openssl", "x509", "-noout", "-text", stdin=self.certificate.encode()).stdout.decode()).group(1)
        self.assertTrue(url.startswith(f"http://{self.server.address}/"), url)
        answer = self.server.http("GET", url.partition(self.server.address)[2])
        self.assertEqual((answer.status, answer.content_type), (200, "application/pkix-crl"))
        der = self.server.path("now.crl")
        der.write_bytes(answer.body)
        run_ok("openssl", "crl", "-inform", "DER", "-in", der, "-CAfile", self.bundle["ca"], "-noout")
        return run_ok("openssl", "crl", "-inform", "DER", "-in", der, "-noout", "-text").stdout.decode()

    def test_revoke_reaches_the_crl_and_stops_repetition(self):
        client = self.enroll("revoked")
        self.certificate = client.certificate.read_text()
        serial = serial_of(self.certificate)
        self.assertNotIn(serial.upper(), self.crl())
        done = self.server.json("certificate", "revoke", serial, "--reason", "keyCompromise")
        self.assertEqual((done["state"], done["reason"]), ("revoked", "keyCompromise"))
        crl = self.crl()
        self.assertIn(serial.upper(), crl)
        self.assertIn("Key Compromise", crl)
        self.assertEqual(self.server.json("certificate", "show", serial)["state"], "revoked")
        repeated = client.send(client.message)
        self.assertEqual(repeated.status, FAILURE)
        self.assertIn("revoked", self.server.audit()[-1]["reason"])
        self.assertEqual(len(self.server.audit("certificate.revoked")), 1)
        pem, crl_pem = client.certificate, self.server.path("now.pem")
        run_ok("openssl", "crl", "-inform", "DER", "-in", self.server.path("now.crl"), "-out", crl_pem)
        verified = run("openssl", "verify", "-crl_check", "-CAfile", self.bundle["ca"], "-CRLfile", crl_pem, pem)
        self.assertNotEqual(verified.returncode, 0)
        self.assertTrue(says(verified, "certificate revoked"))

    def test_revoking_what_is_not_there_or_the_ca_is_refused(self):
        self.refused("certificate", "revoke", "abcdef0123")
        ca = serial_of(self.bundle["ca"].read_text())
        self.refused("certificate", "revoke", ca)
        self.assertEqual(self.server.command("certificate", "revoke", "ab", "--reason", "boredom", check=False).returncode, USAGE)

    # --- request -------------------------------------------------------------------------------------------------------------

    def test_requests_are_listed_and_shown(self):
        self.enroll("requested")
        (entry,) = [one for one in self.server.requests() if one["subject"] == "CN=requested"]
        self.assertEqual((entry["state"], entry["profile"], entry["kind"]), ("issued", "default", "enroll"))
        shown = self.server.json("request", "show", entry["id"])
        self.assertIn("BEGIN CERTIFICATE REQUEST", shown["csr"])
        self.assertIn(entry["id"], self.server.command("request", "list").stdout.decode())
        self.refused("request", "show", "0" * 32)
        self.refused("request", "approve", entry["id"])
        self.refused("request", "deny", entry["id"], "--reason", "too late")

    def test_output_that_cannot_be_written_is_an_error(self):
        with open("/dev/full", "wb") as full:
            done = subprocess.run([program("countersign"), "certificate", "list", "--config", self.server.config], stdout=full,
                                  stderr=subprocess.PIPE, check=False)
        self.assertEqual(done.returncode, REFUSED)
        self.assertIn("standard output", done.stderr.decode())


if __name__ == "__main__":
    unittest.main()
