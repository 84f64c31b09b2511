"""The JSON API, health, readiness and metrics as docs/openapi.json describes them, and what a minted challenge is worth."""
import concurrent.futures
import re
import unittest
import urllib.parse

import jsonschema

from api_client import ApiClient, Document, Minter, PASSWORD, basic
from instance import InstanceTest, program, run, run_ok, text
from scep_client import Client, FAILURE, PENDING, SUCCESS, serial_of

ACCOUNTS = """
[account.minter]
password_hash = "{hash}"
roles = ["device-administrator"]
max_outstanding = 0

[account.limited]
password_hash = "{hash}"
roles = ["device-administrator"]
profiles = ["default"]
templates = ["device"]
max_outstanding = 2

[account.officer]
password_hash = "{hash}"
roles = ["officer"]

[account.auditor]
password_hash = "{hash}"
roles = ["auditor"]

[account.elsewhere]
password_hash = "{hash}"
roles = ["device-administrator", "officer", "auditor"]
profiles = ["other"]
"""

PROFILES = """
[profile.other]
paths = ["/other"]
challenge = { mode = "one-time" }
templates = { signature = "held", encryption = "held", general_purpose = "held" }

[profile.two]
paths = ["/two"]
challenge = { mode = "one-time" }
templates = { signature = "device", encryption = "server", general_purpose = "device" }

[template.held]
extended_key_usage = ["clientAuth"]
hold_for_approval = true

[template.server]
extended_key_usage = ["serverAuth"]
"""


def prepare(instance):
    """Accounts that share one password, and two more profiles."""
    hashed = run_ok(program("countersign"), "hash-password", stdin=PASSWORD.encode() + b"\n").stdout.decode().strip()
    instance.append(ACCOUNTS.replace("{hash}", hashed))
    instance.append(PROFILES)
    # Nobody listens there: what is to be told waits.
    (instance.home / "nobody.secret").write_text("0123456789abcdef0123456789abcdef\n")
    (instance.home / "nobody.secret").chmod(0o600)
    instance.append("""[notification.nobody]
url = "https://127.0.0.1:1/"
secret = "nobody.secret"
events = ["held"]
""")
    return instance


class ApiTest(InstanceTest):
    called = set()

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.document = Document()
        cls.server = prepare(cls.shared_instance()).start()
        cls.bundle = cls.server.ca_bundle()

    def account(self, user, instance=None):
        return ApiClient(self, instance or self.server, user, self.document, self.called)

    def client(self, name):
        return Client(self.server, self.bundle, name)

    def held(self, name):
        """A request of profile other that waits for an officer."""
        password = self.account("elsewhere")("mintChallenge", {}).json["challenge"]
        client = Client(self.server, self.bundle, name)
        answer = self.server.http("POST", "/other?operation=PKIOperation", client.request(password),
                                  [("Content-Type", "application/x-pki-message")])
        self.assertEqual(client.read_reply(answer, client.nonce).status, PENDING)
        found = self.account("officer")("listRequests", state="held", profile="other").json["items"]
        (entry,) = [one for one in found if one["subject"] == f"CN={name}"]
        return entry["id"]

    def enrolled(self, name):
        client = self.client(name)
        reply = client.send(client.request(self.account("minter")("mintChallenge", {}).json["challenge"]))
        self.assertEqual(reply.status, SUCCESS)
        (found,) = self.account("auditor")("listCertificates", subject=f"CN={name}", valid="true").json["items"]
        return found

    # --- the document --------------------------------------------------------------------------------------------------------

    def test_every_operation_of_the_document_is_called(self):
        minter, officer, auditor = self.account("minter"), self.account("officer"), self.account("auditor")
        self.called.clear()
        challenge = minter("mintChallenge", {"profile": "default", "subject": "CN=a,O=b", "sans": ["dns:a.example"], "template": "device",
                                             "valid_minutes": 5}).json
        self.assertEqual(auditor("showChallenge", id=challenge["id"]).json["state"], "outstanding")
        self.assertIn(challenge["id"], [one["id"] for one in auditor("listChallenges", profile="default", limit=1000).json["items"]])
        self.assertEqual(minter("revokeChallenge", id=challenge["id"]).status, 204)
        states = {one["id"]: one["state"] for one in minter("listChallenges", all="true").json["items"]}
        self.assertEqual(states[challenge["id"]], "revoked")

        first, second = self.held("approve-me"), self.held("deny-me")
        self.assertEqual(officer("listRequests", limit=1).json["more"], True)
        self.assertIn("BEGIN CERTIFICATE REQUEST", auditor("showRequest", id=first).json["csr"])
        self.assertIn(officer("approveRequest", {}, id=first).json["state"], ("approved", "issued"))
        self.assertEqual(officer("denyRequest", {"reason": "not ours"}, id=second).json["state"], "failed")
        self.wait_until(lambda: officer("showRequest", id=first).json["state"] == "issued", what="issuing what was approved")

        waiting = officer("listNotifications", receiver="nobody", state="waiting").json["items"]
        (told,) = [one["id"] for one in waiting if one["request"] == first]
        self.assertEqual(auditor("showNotification", id=told).json["event"], "held")
        self.assertEqual(officer("retryNotification", {}, id=told).json["state"], "waiting")
        self.assertEqual(officer("dropNotification", id=told).status, 204)

        certificate = self.enrolled("revoke-me")
        serial = certificate["serial"]
        pem = auditor("showCertificate", serial=serial, ca="default").json["pem"]
        self.assertEqual(serial_of(pem).lstrip("0"), serial.lstrip("0"))
        self.assertEqual(officer("revokeCertificate", {"reason": "keyCompromise"}, serial=serial).json["state"], "revoked")
        self.assertEqual(auditor("showCertificate", serial=serial.upper()).json["reason"], "keyCompromise")
        crl = self.server.http("GET", urllib.parse.urlsplit(self.crl_url(pem)).path).body
        self.assertIn(serial.upper(), run_ok("openssl", "crl", "-inform", "DER", "-noout", "-text", stdin=crl).stdout.decode())

        self.assertEqual(minter("whoAmI").json, {"account": "minter", "roles": ["device-administrator"],
                                                 "profiles": ["default", "other", "two"], "scheme": "basic"})
        nobody = self.account("")
        nobody("health"), nobody("readiness"), nobody("metrics")
        self.assertEqual(self.called, set(self.document.operations))

    @staticmethod
    def crl_url(pem):
        shown = run_ok("openssl", "x509", "-noout", "-ext", "crlDistributionPoints", stdin=pem.encode()).stdout.decode()
        return re.search(r"URI:(\S+)", shown).group(1)

    def test_every_schema_is_sound_and_would_notice(self):
        for name, schema in self.document.json["components"]["schemas"].items():
            jsonschema.Draft202012Validator.check_schema(schema)
            self.assertTrue(self.document.schema_errors({"$ref": f"#/components/schemas/{name}"}, {"no such member": 1}), name)

    def test_head_is_answered_where_get_is_and_changes_nothing(self):
        for operation, (method, path, _) in self.document.operations.items():
            if method != "GET" or "{" in path:
                continue
            answer = self.account("auditor")(operation, method="HEAD")
            self.assertEqual((answer.status, answer.body), (200, b""), path)

    # --- who may -------------------------------------------------------------------------------------------------------------

    def call(self, user, operation, **options):
        """Any operation with stand-ins for what it needs."""
        bodies = {"denyRequest": {"reason": "x"}, "revokeCertificate": {"reason": "superseded"}}
        path = self.document.operations[operation][1]
        names = {name: "0" * 32 for name in re.findall(r"{(\w+)}", path)}
        if self.document.operations[operation][0] == "POST" and not {"body", "raw"} & set(options):
            options["body"] = bodies.get(operation, {})
        return self.account(user)(operation, **names, **options)

    def api_operations(self):
        return [name for name, (_, path, _) in self.document.operations.items() if path.startswith("/api/")]

    def test_without_sign_in_nothing_is_answered(self):
        for operation in self.api_operations():
            for headers in ([], [basic("stranger", "wrong")], [("Authorization", "Bearer x")]):
                answer = self.call("", operation, headers=headers)
                # Many wrong passwords from one place are slowed down.
                self.assertIn(answer.status, (401, 429) if headers else (401,), operation)

    def test_each_role_does_its_own_part_only(self):
        roles = {name: operation["description"].removeprefix("Roles: ").rstrip(".").split(" or ")
                 for name, (_, path, operation) in self.document.operations.items() if operation["description"].startswith("Roles: ")}
        self.assertEqual(set(roles), set(self.api_operations()) - {"whoAmI"})
        users = {"device-administrator": "minter", "officer": "officer", "auditor": "auditor"}
        for operation, allowed in roles.items():
            for role, user in users.items():
                status = self.call(user, operation).status
                self.assertEqual(status == 403, role not in allowed, (operation, user, status))
        for user in users.values():
            self.assertEqual(self.call(user, "whoAmI").status, 200)
        self.assertLessEqual(set(users.values()), {entry["by"] for entry in self.server.audit("api.refused")})

    def test_other_sites_cannot_make_a_browser_ask(self):
        for operation in self.api_operations():
            for header in (("Sec-Fetch-Site", "cross-site"), ("Origin", "https://evil.example"), ("Referer", "http://evil.example/"),
                           ("Sec-Purpose", "prefetch")):
                answer = self.call("minter", operation, headers=[header])
                self.assertEqual(answer.status, 403, (operation, header))

    def test_what_belongs_to_another_profile_is_not_there(self):
        elsewhere = self.account("elsewhere")
        certificate = self.enrolled("not-yours")
        challenge = self.account("minter")("mintChallenge", {"profile": "default"}).json["id"]
        (request,) = [one["id"] for one in self.account("auditor")("listRequests").json["items"] if one["subject"] == "CN=not-yours"]
        for answer in (elsewhere("mintChallenge", {"profile": "default"}), elsewhere("showChallenge", id=challenge),
                       elsewhere("revokeChallenge", id=challenge), elsewhere("listChallenges", profile="default"),
                       elsewhere("showRequest", id=request), elsewhere("approveRequest", id=request),
                       elsewhere("denyRequest", {"reason": "x"}, id=request), elsewhere("listRequests", profile="default"),
                       elsewhere("showCertificate", serial=certificate["serial"]),
                       elsewhere("revokeCertificate", {"reason": "superseded"}, serial=certificate["serial"])):
            self.assertEqual(answer.status, 404)
        for listed in ("listChallenges", "listRequests", "listCertificates"):
            self.assertLessEqual({one["profile"] for one in elsewhere(listed, limit=1000).json["items"]}, {"other"})

    # --- what is sent ----------------------------------------------------------------------------------------------------------

    def test_bodies_are_taken_strictly(self):
        def answer(raw, content_type="application/json", operation="mintChallenge"):
            return self.call("minter", operation, raw=raw, headers=[("Content-Type", content_type)] if content_type else [])
        self.assertEqual(answer(b"{}", "text/plain").status, 415)
        self.assertEqual(answer(b"", "application/x-www-form-urlencoded").status, 415)
        self.assertEqual(answer(b"{}", None).status, 415)
        self.assertEqual(answer(b"{" + b" " * 70000 + b"}").status, 413)
        for bad in (b"[]", b"{", b"[" * 60000, b'{"a":' * 10000, b'{"subject":"\xff"}', b'{"subject":"CN=a","subject":"CN=b"}'):
            self.assertEqual(answer(bad).status, 400, bad[:40])
        unknown = answer(b'{"subjcet":"CN=a"}')
        self.assertEqual(unknown.status, 400)
        self.assertIn('"subjcet"', unknown.json["detail"])
        self.assertIn('"valid_minutes"', answer(b'{"valid_minutes":"1"}').json["detail"])
        self.assertEqual(self.call("minter", "listChallenges", nonsense="1").status, 400)
        self.assertEqual(self.call("minter", "listChallenges", limit="1001").status, 400)

    def test_other_methods_and_paths(self):
        headers = [basic("auditor")]
        answer = self.server.http("PUT", "/api/v1/challenges", b"", headers)
        self.assertEqual((answer.status, answer.content_type), (405, "application/problem+json"))
        self.assertEqual(set(answer.headers["allow"].split(", ")), {"GET", "HEAD", "POST"})
        for target in ("/api/v1", "/api/v1/", "/api/v1/nothing", "/api/v1/challenges/a/b", "/api/v1//whoami"):
            answer = self.server.http("GET", target, headers=headers)
            self.assertEqual((answer.status, answer.content_type), (404, "application/problem+json"), target)
        self.assertEqual(self.server.http("GET", "/api/v2/whoami", headers=headers).status, 404)
        for path in ("/healthz", "/readyz", "/metrics"):
            answer = self.server.http("POST", path, b"")
            self.assertEqual((answer.status, answer.headers["allow"]), (405, "GET, HEAD"), path)

    def test_a_refusal_is_found_in_the_log_by_its_instance(self):
        answer = self.account("auditor")("mintChallenge", {})
        self.assertIn(answer.json["instance"], self.server.log())
        self.assertEqual(self.server.audit("api.refused")[-1]["instance"], answer.json["instance"])

    # --- what a challenge is worth -----------------------------------------------------------------------------------------------

    def mint(self, **body):
        return self.account("minter")("mintChallenge", body).json["challenge"]

    def scepclient(self, name, password):
        directory = self.server.path(f"scepclient-{name}")
        directory.mkdir(exist_ok=True)
        certificate = directory / "certificate.pem"
        done = run("scepclient", "-server-url", self.server.scep_url, "-private-key", directory / "key.pem", "-certificate", certificate,
                   "-cn", name, "-challenge", password, timeout=60)
        return done, certificate

    def test_a_challenge_for_a_subject_is_good_for_that_subject_alone(self):
        done, certificate = self.scepclient("free", self.mint())
        self.assertEqual(done.returncode, 0, text(done))
        (entry,) = self.account("auditor")("listCertificates", subject="CN=free").json["items"]
        subject = entry["subject"].replace("CN=free", "CN=bound")

        done, certificate = self.scepclient("stranger", self.mint(subject=subject))
        self.assertNotEqual(done.returncode, 0, text(done))
        self.assertFalse(certificate.exists())
        self.assertEqual(self.server.audit()[-1]["event"], "enrollment.refused")

        done, certificate = self.scepclient("bound", self.mint(subject=subject))
        self.assertEqual(done.returncode, 0, text(done))
        self.assertTrue(certificate.exists())

    def test_a_challenge_for_names_is_good_for_these_names_alone(self):
        body = {"subject": "CN=named", "sans": ["dns:a.example", "dns:b.example"]}
        for names, status in ((["DNS:a.example"], FAILURE), (["DNS:a.example", "DNS:b.example", "DNS:c.example"], FAILURE), ([], FAILURE),
                              (["DNS:b.example", "DNS:a.example"], SUCCESS)):
            client = self.client("named")
            extensions = ["subjectAltName = " + ",".join(names)] if names else []
            self.assertEqual(client.send(client.request(self.mint(**body), extensions=extensions)).status, status, names)

    def test_a_challenge_for_a_template_gives_that_template(self):
        for template, purpose in (("server", "TLS Web Server Authentication"), ("device", "TLS Web Client Authentication")):
            name = f"templated-{template}"
            client = Client(self.server, self.bundle, name)
            message = client.request(self.mint(profile="two", template=template), extensions=["keyUsage = keyEncipherment"]
                                     if template == "server" else ["keyUsage = digitalSignature"])
            answer = self.server.http("POST", "/two?operation=PKIOperation", message, [("Content-Type", "application/x-pki-message")])
            self.assertEqual(client.read_reply(answer, client.nonce).status, SUCCESS)
            (entry,) = self.account("auditor")("listCertificates", subject=f"CN={name}").json["items"]
            self.assertEqual(entry["template"], template)
            pem = self.account("auditor")("showCertificate", serial=entry["serial"]).json["pem"]
            shown = run_ok("openssl", "x509", "-noout", "-ext", "extendedKeyUsage", stdin=pem.encode()).stdout.decode()
            self.assertIn(purpose, shown)
        self.assertEqual(self.account("minter")("mintChallenge", {"profile": "default", "template": "server"}).status, 404)

    def test_a_revoked_challenge_is_worth_nothing(self):
        minted = self.account("minter")("mintChallenge", {}).json
        self.assertEqual(self.account("minter")("revokeChallenge", id=minted["id"]).status, 204)
        client = self.client("late")
        self.assertEqual(client.send(client.request(minted["challenge"])).status, FAILURE)
        self.assertEqual(self.account("minter")("revokeChallenge", id=minted["id"]).status, 409)

    def test_an_account_has_its_quota_and_its_templates(self):
        limited = self.account("limited")
        ids = [limited("mintChallenge", {}).json["id"] for _ in range(2)]
        self.assertEqual(limited("mintChallenge", {}).status, 429)
        self.assertEqual(limited("revokeChallenge", id=ids[0]).status, 204)
        self.assertEqual(limited("mintChallenge", {}).status, 201)
        self.assertEqual(limited("mintChallenge", {"profile": "two"}).status, 404)

    # --- monitoring ---------------------------------------------------------------------------------------------------------------

    def metric(self, family, **labels):
        body = self.account("")("metrics").body.decode()
        wanted = {f'{key}="{value}"' for key, value in labels.items()}
        found = [line for line in body.splitlines()
                 if re.split(r"[{ ]", line)[0] == family and wanted <= set(re.findall(r'\w+="[^"]*"', line))]
        self.assertEqual(len(found), 1, (family, labels, body))
        return float(found[0].rsplit(" ", 1)[1])

    def test_readiness_names_each_check(self):
        answer = self.account("")("readiness")
        checks = {check["name"]: check["passes"] for check in answer.json["checks"]}
        self.assertEqual(checks, {"store": True, "audit": True, "keys": True, "ca default": True, "renewal of ra default": True, **{f"{what} of profile {name}": True for what in ("agent", "encryption")
                                                                        for name in ("default", "other", "two")}})

    def test_behind_a_proxy_details_are_for_auditors(self):
        # Whatever it is that relays, it says so.
        relayed = [("X-Forwarded-For", "203.0.113.9")]
        self.assertEqual(self.account("")("readiness", headers=relayed).json, {"status": "ready"})
        self.assertEqual(self.account("")("metrics", headers=relayed).status, 401)
        self.assertEqual(self.account("minter")("readiness", headers=relayed).json, {"status": "ready"})
        self.assertEqual(self.account("minter")("metrics", headers=relayed).status, 403)
        self.assertIn("checks", self.account("auditor")("readiness", headers=relayed).json)
        self.assertEqual(self.account("auditor")("metrics", headers=relayed).status, 200)
        self.assertEqual(self.account("")("metrics", headers=[("Sec-Fetch-Site", "cross-site")]).status, 403)

    def test_metrics_count(self):
        issued = self.metric("countersign_audit_events_total", event="enrollment.issued")
        answered = self.metric("countersign_http_requests_total", surface="scep", status="2xx")
        refused = self.metric("countersign_http_requests_total", surface="api", status="4xx")
        outstanding = self.metric("countersign_challenges_outstanding", profile="two")
        held = self.metric("countersign_attempts", state="held")
        self.enrolled("counted")
        self.mint(profile="two")
        self.held("counted-too")
        self.account("auditor")("mintChallenge", {})
        self.assertEqual(self.metric("countersign_audit_events_total", event="enrollment.issued"), issued + 1)
        self.assertGreaterEqual(self.metric("countersign_http_requests_total", surface="scep", status="2xx"), answered + 2)
        self.assertGreaterEqual(self.metric("countersign_http_requests_total", surface="api", status="4xx"), refused + 1)
        self.assertEqual(self.metric("countersign_challenges_outstanding", profile="two"), outstanding + 1)
        self.assertEqual(self.metric("countersign_attempts", state="held"), held + 1)
        self.assertGreater(self.metric("countersign_http_request_duration_seconds_count", surface="api"), 0)
        self.assertEqual(self.metric("countersign_store_up"), 1)
        self.assertGreaterEqual(self.metric("countersign_open_connections"), 1)
        self.assertEqual(self.metric("countersign_worker_queue_depth"), 0)
        self.assertEqual(self.metric("countersign_audit_failures_total"), 0)
        version = run_ok(program("countersignd"), "--version").stdout.decode().split()[-1]
        self.assertEqual(self.metric("countersign_build_info", version=version), 1)
        self.assertGreater(self.metric("process_start_time_seconds"), 1e9)

    def test_expiry_timestamps_are_those_of_the_certificates(self):
        for kind in ("agent", "encryption"):
            self.check_expiry(kind, kind)
        self.check_expiry("ca", "ca")

    def check_expiry(self, kind, file):
        shown = run_ok("openssl", "x509", "-noout", "-enddate", "-dateopt", "iso_8601", "-in", self.bundle[file]).stdout.decode()
        stamp = run_ok("date", "-u", "-d", shown.strip().split("=")[1], "+%s").stdout.decode()
        self.assertEqual(self.metric("countersign_certificate_expiry_timestamp_seconds", kind=kind, name="default"), float(stamp))


class ManyPasswordsTest(InstanceTest):
    def test_ten_thousand_outstanding_passwords_survive_a_restart(self):
        server = prepare(self.instance())
        server.set("audit", sync=False)
        server.start()
        threads, each = 16, 625
        # Signed in once, credentials are remembered; many that are new at a time are told to come again.
        self.assertEqual(server.http("GET", "/api/v1/whoami", headers=[basic("minter")]).status, 200)
        with concurrent.futures.ThreadPoolExecutor(threads) as pool:
            def mint(_):
                with Minter(server, "minter") as minter:
                    return [minter.mint(profile="default") for _ in range(each)]
            answers = [answer for part in pool.map(mint, range(threads)) for answer in part]
        self.assertEqual({status for status, _ in answers}, {201})
        passwords = {body["challenge"] for _, body in answers}
        self.assertEqual(len(passwords), 10000)
        with Minter(server, "minter") as minter:
            self.assertEqual(minter.mint(profile="default")[0], 429)

        server.restart()
        metrics = server.http("GET", "/metrics").body.decode()
        self.assertIn('countersign_challenges_outstanding{profile="default"} 10000\n', metrics)
        bundle = server.ca_bundle()
        for password in (answers[0][1]["challenge"], answers[-1][1]["challenge"]):
            client = Client(server, bundle, "survivor")
            self.assertEqual(client.send(client.request(password)).status, SUCCESS)
        # No password is in the store.
        stored = server.home.joinpath("countersign.db").read_bytes()
        self.assertFalse([password for password in list(passwords)[:100] if password.encode() in stored])


if __name__ == "__main__":
    unittest.main()
