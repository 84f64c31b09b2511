"""The RA's own certificates: renewed under load without one failed enrollment, by hand and by the daemon; and what is said when they
have expired."""
import json
import re
import sqlite3
import threading
import unittest

from instance import Instance, InstanceTest, basic, run_ok, text
from scep_client import Client, FAILURE, SUCCESS, from_pem


class Enrollments:
    """Devices that enroll without a pause until told to stop. Old ones believe what GetCACert said before they began, new ones ask it
    each time; both are strict about who signed the reply."""

    def __init__(self, instance):
        self.instance = instance
        self.fetching = threading.Lock()
        self.remembered = self.fetch("remembered")
        self.failures = []
        self.done = {"old": 0, "new": 0}
        self.stopping = threading.Event()
        self.lock = threading.Lock()
        self.threads = [threading.Thread(target=self.work, args=(kind,)) for kind in ("old", "new")]

    def fetch(self, name):
        """What GetCACert says, in files of its own."""
        kept = {}
        with self.fetching:
            for role, file in self.instance.ca_bundle().items():
                kept[role] = self.instance.path(f"{name}-{role}.pem")
                kept[role].write_bytes(file.read_bytes())
        return kept

    def work(self, kind):
        device = Client(self.instance, self.remembered, name=kind)
        number = 0
        while not self.stopping.is_set():
            number += 1
            try:
                if kind == "new":
                    device.bundle = self.fetch("fresh")
                challenge = self.instance.challenge()
                reply = device.send(device.request(challenge, transaction=f"{kind}-{number}"))
                assert reply.status == SUCCESS, f"{kind} {number}: failInfo {reply.fail_info}"
                with self.lock:
                    self.done[kind] += 1
            except Exception as error:  # pylint: disable=broad-except
                self.failures.append(f"{kind} {number}: {error!r}")

    def counts(self):
        with self.lock:
            return dict(self.done)

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.stopping.set()
        for thread in self.threads:
            thread.join()


class RaLifecycleTest(InstanceTest):
    def own_instance(self, token=False):
        instance = Instance()
        self.addCleanup(instance.close)
        self.own_instances.append(instance)
        if token and not instance.token_uri:
            instance.add_token()
        return instance.init()

    def status(self, instance, role, state=None):
        done = instance.command("ra", "status", "--json", check=False)
        rows = [row for row in json.loads(done.stdout)["certificates"] if row["role"] == role]
        return [row for row in rows if state is None or row["state"] == state]

    def wait_for_some_more(self, load, each=2):
        """Until every kind of client has enrolled so often again: whatever changed meanwhile, changed under load."""
        before = load.counts()
        self.wait_until(lambda: load.failures or all(load.counts()[kind] >= before[kind] + each for kind in before),
                        seconds=120, what="more enrollments")

    def roll_over_under_load(self, instance):
        instance.start()
        pid = instance.process.pid
        with Enrollments(instance) as load:
            self.wait_for_some_more(load, each=1)
            done = instance.command("ra", "renew", "--new-key")
            self.assertIn("renewed", text(done))
            instance.wait_for_log("certificates in force have changed")
            self.wait_for_some_more(load)
            fresh = load.fetch("after")
        self.assertEqual(load.failures, [])
        for role in ("agent", "encryption"):
            self.assertNotEqual(fresh[role].read_bytes(), load.remembered[role].read_bytes(), role)
        self.assertEqual(fresh["ca"].read_bytes(), load.remembered["ca"].read_bytes())
        self.assertEqual(instance.process.pid, pid)
        self.assertEqual(len(self.status(instance, "encryption", "overlap")), 1)

        # An operator ends the overlap: whoever still remembers the old key is refused, whoever asks is served.
        instance.set("ra.default", overlap_days=0)
        instance.reload()
        late = Client(instance, {**load.remembered, "agent": fresh["agent"]}, name="late")
        self.assertEqual(late.send(late.request(instance.challenge())).status, FAILURE)
        late.bundle = fresh
        self.assertEqual(late.send(late.request(instance.challenge(), transaction="again")).status, SUCCESS)
        instance.wait_for_log("ra.overlap_ended")
        self.assertEqual(self.status(instance, "encryption", "overlap"), [])
        return fresh

    def test_a_rollover_by_hand_under_load_costs_no_enrollment(self):
        instance = self.own_instance()
        self.roll_over_under_load(instance)
        for file in (instance.home / "ra").glob("default*"):
            self.assertEqual(file.stat().st_mode & 0o777, 0o600, file)
        self.assertEqual(instance.command("check").returncode, 0)
        instance.restart()
        device = Client(instance, instance.ca_bundle(), name="after-restart")
        self.assertEqual(device.send(device.request(instance.challenge())).status, SUCCESS)

    def test_the_same_with_every_key_in_a_token(self):
        instance = self.own_instance(token=True)
        self.roll_over_under_load(instance)
        self.assertEqual([str(file) for file in instance.home.rglob("*.key")], [])
        rows = self.status(instance, "encryption", "ok") + self.status(instance, "agent", "ok")
        for row in rows:
            self.assertRegex(row["key"], r"^pkcs11:token=ra;object=countersign-(agent|encryption)-r[0-9a-f]{12}$")
        self.assertEqual(len(rows), 2)
        self.assertNotIn("4711", (instance.home / "ra" / "default.json").read_text())

    def test_the_daemon_renews_by_itself_when_it_is_due(self):
        instance = self.own_instance()
        instance.set("ra.default", certificate_days=1, renew_at_percent=1)
        instance.command("ra", "renew", "--same-key")
        # Renewed an hour ago, as far as the daemon knows.
        file = instance.home / "ra" / "default.json"
        state = json.loads(file.read_text())
        before = state["in_force"]
        del state["last"]
        file.write_text(json.dumps(state))
        self.assertEqual(self.status(instance, "agent")[0]["state"], "due")
        instance.set("ra.default", certificate_days=700)
        instance.start()
        instance.wait_for_log("certificates in force have changed")
        after = json.loads(file.read_text())["in_force"]
        for role in ("agent", "encryption"):
            self.assertNotEqual(after[role]["certificate"], before[role]["certificate"])
            self.assertNotEqual(after[role]["key"], before[role]["key"])
        self.assertEqual(len(instance.audit("ra.renewed")), 2)
        metrics = instance.http("GET", "/metrics").body.decode()
        self.assertIn('countersign_ra_renewal_last_success{ra="default"} 1', metrics)
        device = Client(instance, instance.ca_bundle())
        self.assertEqual(device.send(device.request(instance.challenge())).status, SUCCESS)

    @staticmethod
    def password_page(instance):
        answer = instance.http("GET", "/certsrv/mscep_admin/", headers=[
            ("Authorization", basic(instance.created["admin_user"], instance.created["admin_password"]))])
        assert answer.status == 200, answer
        return answer.body.decode("utf-16")

    def expire(self, instance):
        """Puts expired certificates in the place of those init made, in the ledger too, as if years had passed."""
        ledger = sqlite3.connect(instance.home / "countersign.db")
        self.addCleanup(ledger.close)
        directory = instance.path("expired")
        directory.mkdir()
        (directory / "index").write_text("")
        (directory / "serial").write_text("0A01\n")
        (directory / "ca.cnf").write_text(
            "[ca]\ndefault_ca = it\n[it]\ndatabase = %s/index\nserial = %s/serial\nnew_certs_dir = %s\ndefault_md = sha256\n"
            "policy = any\nunique_subject = no\n[any]\ncommonName = supplied\n"
            "[agent]\nkeyUsage = critical,digitalSignature\nextendedKeyUsage = 1.3.6.1.4.1.311.20.2.1\n"
            "[encryption]\nkeyUsage = critical,keyEncipherment\nextendedKeyUsage = 1.3.6.1.4.1.311.20.2.1\n" % ((directory,) * 3))
        for role in ("agent", "encryption"):
            file = instance.home / "ra" / f"{role}.pem"
            subject = run_ok("openssl", "x509", "-in", file, "-noout", "-subject", "-nameopt", "multiline").stdout.decode()
            name = re.search(r"commonName\s*= (.*)", subject).group(1)
            old = run_ok("openssl", "x509", "-in", file, "-outform", "DER").stdout
            run_ok("openssl", "req", "-new", "-key", instance.home / "ra" / f"{role}.key", "-subj", f"/CN={name}", "-out",
                   directory / "request.pem")
            run_ok("openssl", "ca", "-batch", "-config", directory / "ca.cnf", "-extensions", role, "-keyfile",
                   instance.home / "ca" / "ca.key", "-cert", instance.home / "ca" / "ca.pem", "-in", directory / "request.pem",
                   "-startdate", "20200101000000Z", "-enddate", "20210101000000Z", "-notext", "-out", file)
            new = from_pem(file.read_text())
            serial = run_ok("openssl", "x509", "-in", file, "-noout", "-serial").stdout.decode().strip().split("=")[1].lower()
            changed = ledger.execute("UPDATE certificates SET serial = ?, der = replace(der, ?, ?), fingerprint = ? "
                                     "WHERE kind = 'ra' AND der LIKE ?",
                                     (serial, *self.stored(old, new), serial, "%" + self.stored(old, new)[0] + "%"))
            self.assertEqual(changed.rowcount, 1)
        ledger.commit()

    @staticmethod
    def stored(*ders):
        import base64
        return tuple(base64.b64encode(der).decode() for der in ders)

    def test_expired_certificates_stop_nobody_from_saying_so(self):
        instance = self.own_instance()
        self.expire(instance)
        checked = instance.command("check", check=False)
        self.assertEqual(checked.returncode, 0, text(checked))
        self.assertIn("is not valid now", text(checked))
        status = instance.command("ra", "status", check=False)
        self.assertEqual(status.returncode, 1)
        self.assertIn("expired", text(status))

        instance.start()
        instance.wait_for_log("agent certificate of default .* has expired")
        self.assertEqual({event["kind"] for event in instance.audit("certificate.expired")}, {"agent", "encryption"})
        ready = instance.http("GET", "/readyz")
        self.assertEqual(ready.status, 503)
        self.assertIn(b"2021-01-01", ready.body)
        metrics = instance.http("GET", "/metrics").body.decode()
        self.assertRegex(metrics, r'countersign_certificate_seconds_left\{kind="agent",name="default",subject="[^"]*"\} -\d')
        self.wait_until(lambda: 'countersign_ra_renewal_last_success{ra="default"} 0'
                        in instance.http("GET", "/metrics").body.decode(), what="the failed renewal among the metrics")
        page = self.password_page(instance)
        self.assertIn("is not valid now", page)
        # What a device gets is to be tried again, and it costs it nothing.
        challenge = instance.challenge()
        device = Client(instance, instance.ca_bundle())
        self.assertEqual(device.post(device.request(challenge)).status, 503)
        self.assertEqual(instance.http("GET", instance.scep_target("GetCACaps")).status, 200)

        # And the way out: the embedded CA believes the operator.
        refused = instance.command("ra", "renew", check=False)
        self.assertEqual(refused.returncode, 1)
        self.assertIn("not valid", text(refused))
        instance.command("ra", "renew", "--even-expired")
        instance.wait_for_log("certificates in force have changed")
        device.bundle = instance.ca_bundle()
        self.assertEqual(device.send(device.request(challenge)).status, SUCCESS)
        self.assertEqual(instance.command("ra", "status").returncode, 0)


if __name__ == "__main__":
    unittest.main()
