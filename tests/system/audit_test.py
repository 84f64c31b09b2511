"""The audit trail: verified by `countersign audit verify`, and by this script from the documentation alone."""
import base64
import hashlib
import json
import os
import re
import socket
import unittest

from instance import InstanceTest, countersign, program, run, run_ok
from scep_client import Client, SUCCESS


def verify_by_the_book(lines, public_key, directory):
    """docs/audit.md, read literally. How many checkpoints were good; an AssertionError for what is wrong."""
    before, good = "0" * 64, 0
    for number, line in enumerate(lines, 1):
        record = json.loads(line)
        assert record["seq"] == number, line
        tail = f',"chain":"{record["chain"]}"}}'
        assert line.endswith(tail), line
        assert record["chain"] == hashlib.sha256((before + line[:-len(tail)] + "}").encode()).hexdigest(), line
        if record["event"] == "audit.checkpoint":
            assert record["covers"] == f"{number - 1}:{before}", line
            (directory / "statement").write_text(f"countersign audit checkpoint, version 1\n{record['covers']}\n")
            (directory / "signature").write_bytes(base64.b64decode(record["signature"]))
            run_ok("openssl", "dgst", "-sha256", "-verify", public_key, "-signature", directory / "signature", directory / "statement")
            good += 1
        before = record["chain"]
    return good


def enroll(server, name):
    client = Client(server, server.ca_bundle(), name)
    return client.send(client.request(server.challenge()))


class AuditTrailTest(InstanceTest):
    def setUp(self):
        super().setUp()
        self.server = self.instance().start()
        self.file = self.server.home / "audit.log"
        self.assertEqual(enroll(self.server, "audited").status, SUCCESS)

    def lines(self):
        return self.file.read_text().splitlines()

    def verify(self, *arguments):
        done = countersign("audit", "verify", "--config", self.server.config, "--json", *arguments)
        self.assertIn(done.returncode, (0, 1), done.stderr)
        result = json.loads(done.stdout)
        self.assertEqual(result["sound"], done.returncode == 0)
        return result

    def public_key(self):
        file = self.server.directory / "audit.pub"
        if self.server.token_uri:
            self.skipTest("the key is in the token")
        run_ok("openssl", "pkey", "-in", self.server.home / "audit.key", "-pubout", "-out", file)
        return file

    def test_an_untouched_trail_is_sound(self):
        result = self.verify()
        self.assertEqual(result["findings"], [])
        self.assertGreaterEqual(result["lines"], 4)
        self.server.stop()
        result = self.verify()
        self.assertEqual(int(result["sealed"].split(":")[0]) + 1, result["lines"], "the stop is sealed")
        self.server.start()
        self.assertEqual(self.verify()["findings"], [])

    def test_the_documentation_suffices_to_verify_it(self):
        self.server.stop()
        self.assertEqual(verify_by_the_book(self.lines(), self.public_key(), self.server.directory), 2, "start and stop")
        changed = self.lines()
        changed[2] = changed[2].replace('"time":"2', '"time":"3')
        with self.assertRaises(AssertionError):
            verify_by_the_book(changed, self.public_key(), self.server.directory)

    def test_what_is_changed_is_found(self):
        self.server.stop()
        good = self.lines()
        for change, line in ((lambda l: l[:2] + [l[2].replace('"time":"2', '"time":"3')] + l[3:], 3),
                             (lambda l: l[:2] + l[3:], 3),
                             (lambda l: [l[1], l[0], *l[2:]], 1),
                             (lambda l: [*l, json.dumps({"event": "enrollment.issued"})], len(good) + 1)):
            self.file.write_text("\n".join(change(good)) + "\n")
            findings = self.verify()["findings"]
            self.assertTrue(findings)
            self.assertEqual(findings[0]["line"], line)
        done = countersign("audit", "verify", "--config", self.server.config)
        self.assertEqual(done.returncode, 1)
        self.assertIn(b"CHANGED", done.stdout)

    def test_a_cut_end_is_found_by_the_checkpoint_in_the_log(self):
        self.server.stop()
        remembered = re.findall(r"audit checkpoint (\S+)", self.server.log())[-1]
        self.assertEqual(self.verify("--expect", remembered)["findings"], [])
        self.file.write_text("\n".join(self.lines()[:-3]) + "\n")
        self.assertEqual(self.verify()["findings"], [])
        self.assertIn("not there", self.verify("--expect", remembered)["findings"][0]["what"])
        self.assertEqual(countersign("audit", "verify", "--config", self.server.config, "--expect", "17").returncode, 1)

    def test_the_running_daemon_notices_and_says_so(self):
        lines = self.lines()
        self.file.write_text("\n".join(lines[:-1]) + "\n")
        self.server.challenge()  # another process must not cover it up
        enroll(self.server, "after")
        self.assertTrue(self.server.audit("audit.broken"))
        self.assertIn("the file was changed by somebody else", self.server.log())
        self.assertTrue(self.verify()["findings"])

    def test_the_chain_goes_on_in_a_rotated_file(self):
        old = self.server.home / "audit.log.1"
        self.file.rename(old)
        enroll(self.server, "rotated")
        result = self.verify(old, self.file)
        self.assertEqual((result["findings"], result["notes"]), ([], []))
        self.assertTrue(self.server.audit("audit.continued"))

    def test_another_machine_needs_only_the_public_key(self):
        key = self.public_key()
        self.server.stop()
        done = run_ok(program("countersign"), "audit", "verify", "--key", key, self.file)
        self.assertIn(b"nothing was changed", done.stdout)
        run_ok("openssl", "ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", self.server.directory / "other.key")
        run_ok("openssl", "pkey", "-in", self.server.directory / "other.key", "-pubout", "-out", self.server.directory / "other.pub")
        done = run(program("countersign"), "audit", "verify", "--key", self.server.directory / "other.pub", self.file)
        self.assertEqual(done.returncode, 1)
        self.assertIn(b"another key", done.stdout)

    def test_a_second_place_that_is_away_stops_issuance(self):
        self.server.stop()
        log = self.server.directory / "syslog"
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        listener.bind(str(log))
        self.addCleanup(listener.close)
        listener.settimeout(20)
        self.server.set("audit", syslog=str(log))
        self.server.start()
        self.assertIn(b"daemon.started", listener.recv(65536))
        password = self.server.challenge()
        listener.close()
        os.unlink(log)
        client = Client(self.server, self.server.ca_bundle(), "unrecorded")
        answer = client.post(client.request(password))
        self.assertEqual(answer.status, 503)
        again = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        again.bind(str(log))
        self.addCleanup(again.close)
        self.assertEqual(client.send(client.request(password)).status, SUCCESS, "nothing was burnt")


if __name__ == "__main__":
    unittest.main(verbosity=2)
