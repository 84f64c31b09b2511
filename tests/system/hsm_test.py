"""Keys in a token (SoftHSM): made by `init --token`, used by the daemon, missed when the token is away, refused when they lack something."""
import json
import os
import pathlib
import re
import unittest

from instance import Instance, InstanceTest, SOFTHSM, countersign, run, run_ok, text
from scep_client import Client, SUCCESS


class HsmTest(InstanceTest):
    def token_instance(self):
        instance = Instance()
        self.addCleanup(instance.close)
        self.own_instances.append(instance)
        if not instance.token_uri:
            instance.add_token()
        return instance.init()

    def objects(self, instance):
        done = run_ok("pkcs11-tool", "--module", SOFTHSM, "--token-label", "ra", "--login", "--pin", "4711", "--list-objects",
                      "--type", "privkey", env=instance.environment)
        return done.stdout.decode()

    def test_init_puts_every_key_into_the_token_and_none_into_a_file(self):
        instance = self.token_instance()
        self.assertEqual([str(file) for file in instance.home.rglob("*.key")], [])
        configuration = instance.config.read_text()
        self.assertEqual(configuration.count('"pkcs11:token=ra;object=countersign-'), 4)
        self.assertNotIn("4711", configuration)
        objects = self.objects(instance)
        for name in ("countersign-agent", "countersign-encryption", "countersign-ca", "countersign-audit"):
            self.assertIn(name, objects)
        self.assertEqual(objects.count("never extractable"), 4)
        self.assertEqual(countersign("check", "--config", instance.config, env=instance.environment).returncode, 0)

    def test_init_overwrites_no_key(self):
        instance = self.token_instance()
        before = self.objects(instance)
        again = countersign("init", instance.path("second"), "--listen", "127.0.0.1:8080", "--token", instance.token_uri,
                            env=instance.environment)
        self.assertEqual(again.returncode, 1)
        self.assertIn("nothing is overwritten", text(again))
        self.assertFalse(instance.path("second").exists())
        self.assertEqual(self.objects(instance), before)
        named = instance.token_uri.replace("token=ra", "token=ra;object=second")
        other = countersign("init", instance.path("second"), "--listen", "127.0.0.1:8080", "--token", named,
                            "--ca-key", "p256", env=instance.environment)
        self.assertEqual(other.returncode, 0, text(other))

    def test_a_pin_in_a_uri_is_refused_and_not_repeated(self):
        instance = self.instance()
        uri = "pkcs11:token=ra;object=x?pin-value=4711"
        for done in (countersign("init", instance.path("x"), "--token", uri),
                     instance.command("key", "generate", uri, check=False), instance.command("key", "test", uri, check=False)):
            self.assertEqual(done.returncode, 1)
            self.assertIn("pin-source", text(done))
            self.assertNotIn("4711", text(done))

    def enroll(self, instance, bundle, name, challenge):
        client = Client(instance, bundle, name)
        return client, client.request(challenge)

    def post(self, instance, message):
        return instance.http("POST", instance.scep_target("PKIOperation"), message,
                             [("Content-Type", "application/x-pki-message")])

    def test_an_absent_token_costs_no_password_and_is_found_again(self):
        instance = self.token_instance().start()
        bundle = instance.ca_bundle()
        first, request = self.enroll(instance, bundle, "before", instance.challenge())
        self.assertEqual(first.send(request).status, SUCCESS)

        password = instance.challenge()
        client, request = self.enroll(instance, bundle, "patient", password)
        instance.remove_token()
        for _ in range(3):
            answer = self.post(instance, request)
            self.assertEqual(answer.status, 503, answer)
            self.assertIn("retry-after", answer.headers)
        self.assertNotIn("CN=patient", str(instance.certificates()))
        states = {one["state"] for one in instance.json("challenge", "list")}
        self.assertIn("outstanding", states)
        self.assertTrue(instance.is_up())

        instance.restore_token()
        self.wait_until(lambda: self.post(instance, request).status == 200, what="the token's return")
        self.assertEqual(client.send(request).status, SUCCESS)
        self.assertIn("CN=patient", str(instance.certificates()))

    def test_a_reload_keeps_the_login(self):
        instance = self.token_instance().start()
        bundle = instance.ca_bundle()
        # With a wrong PIN in its file, a new login would fail.
        instance.pin_file.write_text("0000\n")
        for _ in range(3):
            self.assertNotIn("not reloaded", instance.reload())
        client, request = self.enroll(instance, bundle, "reloaded", instance.challenge())
        self.assertEqual(client.send(request).status, SUCCESS)

    def test_a_wrong_pin_is_named_at_start_and_does_not_lock_the_token(self):
        instance = self.token_instance()
        instance.pin_file.write_text("0000\n")
        checked = countersign("check", "--config", instance.config, env=instance.environment)
        self.assertEqual(checked.returncode, 1)
        self.assertIn("CKR_PIN_INCORRECT", text(checked))
        self.assertIn(str(instance.pin_file), text(checked))
        self.assertNotIn("0000", text(checked))
        instance.pin_file.write_text("4711\n")
        self.assertEqual(countersign("check", "--config", instance.config, env=instance.environment).returncode, 0)

    def test_swapped_keys_are_refused(self):
        instance = self.token_instance()
        configuration = instance.config.read_text()
        encryption = re.search(r'"(pkcs11:[^"]*object=countersign-encryption[^"]*)"', configuration).group(1)
        agent = encryption.replace("-encryption", "-agent")
        instance.config.write_text(configuration.replace(agent, "SWAP").replace(encryption, agent).replace("SWAP", encryption))
        checked = countersign("check", "--config", instance.config, "--json", env=instance.environment)
        self.assertEqual(checked.returncode, 1)
        problems = json.dumps(json.loads(checked.stdout)["findings"])
        self.assertIn("does not belong to the key", problems)

    def test_key_commands(self):
        instance = self.token_instance()
        listed = instance.json("key", "list")
        self.assertEqual([one["role"] for one in listed], ["ra.default.agent", "ra.default.encryption", "ca.default"])
        self.assertTrue(all(one["usable"] for one in listed), listed)
        tested = instance.json("key", "test")
        self.assertTrue(all(one["works"] and one["operations_per_second"] > 0 for one in tested), tested)

        fresh = instance.token_uri.replace("token=ra", "token=ra;object=fresh")
        made = instance.json("key", "generate", fresh, "--type", "p384")
        self.assertIn("P-384", made["description"])
        again = instance.command("key", "generate", fresh, check=False)
        self.assertEqual(again.returncode, 1)
        self.assertIn("nothing is overwritten", text(again))
        self.assertEqual(instance.command("key", "generate", "nonsense", check=False).returncode, 1)
        self.assertEqual(instance.command("key", "generate", fresh, "--type", "dsa", check=False).returncode, 2)

        file = instance.path("fresh.key")
        made = instance.json("key", "generate", f"file:{file}", "--type", "rsa2048", "--use", "decrypt")
        self.assertEqual(file.stat().st_mode & 0o777, 0o600)
        run_ok("openssl", "pkey", "-noout", "-check", "-in", file)
        self.assertEqual(instance.command("key", "generate", f"file:{file}", check=False).returncode, 1)
        one = instance.json("key", "test", f"file:{file}", "--use", "decrypt")
        self.assertTrue(one[0]["works"], one)

        instance.remove_token()
        away = instance.command("key", "list", check=False)
        self.assertEqual(away.returncode, 1)
        self.assertIn("NOT USABLE", text(away))

    def test_the_daemon_leaves_no_core_and_keeps_its_memory_in_place(self):
        instance = self.instance().start()
        process = pathlib.Path(f"/proc/{instance.process.pid}")
        limits = (process / "limits").read_text()
        self.assertRegex(limits, r"Max core file size +0 +0 ")
        # Not dumpable: its /proc belongs to root, whoever runs it.
        self.assertEqual((process / "maps").stat().st_uid, 0)
        status = (process / "status").read_text()
        locked = int(re.search(r"VmLck:\s+(\d+)", status).group(1))
        if locked == 0:
            self.assertIn("memory is not locked", instance.log())
        if os.getuid() == 0 and locked != 0:
            self.assertNotIn("memory is not locked", instance.log())


if __name__ == "__main__":
    unittest.main()
