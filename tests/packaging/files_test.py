"""What lies in packaging/ and docs/ is well formed: units, rules, samples, links, container files. Needs no root and no daemon."""
import json
import os
import pathlib
import re
import shutil
import subprocess
import tempfile
import unittest
import urllib.parse

ROOT = pathlib.Path(__file__).resolve().parents[2]
PACKAGING = ROOT / "packaging"
UNIT = PACKAGING / "systemd" / "countersignd.service"


def run(*command, **options):
    return subprocess.run([str(word) for word in command], capture_output=True, text=True, check=False, timeout=120, **options)


class FilesTest(unittest.TestCase):
    def assert_ok(self, done):
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def exposure(self, unit):
        return run("systemd-analyze", "security", "--offline=true", "--no-pager", "--threshold=12", unit)

    def test_the_unit_is_hardened(self):
        self.assert_ok(self.exposure(UNIT))
        with tempfile.TemporaryDirectory() as directory:
            softer = pathlib.Path(directory) / "countersignd.service"
            softer.write_text(UNIT.read_text().replace("CapabilityBoundingSet=\n", ""))
            self.assertNotEqual(self.exposure(softer).returncode, 0, "the threshold notices nothing")

    def test_the_units_are_understood(self):
        with tempfile.TemporaryDirectory() as directory:
            for file in (PACKAGING / "systemd").glob("countersignd.s*"):
                text = file.read_text().replace("/usr/sbin/countersignd", "/bin/true")
                (pathlib.Path(directory) / file.name).write_text(text)
            done = run("systemd-analyze", "verify", "--man=no", "--recursive-errors=no", *pathlib.Path(directory).iterdir())
            self.assert_ok(done)
            self.assertNotRegex(done.stderr, r"countersignd.*(Unknown|Failed|ignoring)")

    def test_the_apparmor_profile_parses(self):
        parser = shutil.which("apparmor_parser") or "/usr/sbin/apparmor_parser"
        profile = PACKAGING / "apparmor" / "usr.sbin.countersignd"
        self.assert_ok(run(parser, "-Q", "-T", "-K", profile))
        with tempfile.NamedTemporaryFile("w", suffix=".profile") as broken:
            broken.write(profile.read_text().replace("capability ipc_lock,", "capability ipc_lock"))
            broken.flush()
            self.assertNotEqual(run(parser, "-Q", "-T", "-K", broken.name).returncode, 0)

    def test_alert_rules_are_right(self):
        monitoring = PACKAGING / "monitoring"
        self.assert_ok(run("promtool", "check", "rules", "countersign.rules.yml", cwd=monitoring))
        self.assert_ok(run("promtool", "test", "rules", "countersign.rules.test.yml", cwd=monitoring))

    def test_dashboard_and_rules_name_metrics_that_exist(self):
        sources = "".join(file.read_text() for file in (ROOT / "src" / "admin").glob("metrics.cpp"))
        known = set(re.findall(r"countersign_\w+", sources + (ROOT / "docs" / "operations.md").read_text()))
        dashboard = json.loads((PACKAGING / "monitoring" / "grafana-dashboard.json").read_text())
        expressions = [target["expr"] for panel in dashboard["panels"] for target in panel["targets"]]
        self.assertGreater(len(expressions), 10)
        expressions.append((PACKAGING / "monitoring" / "countersign.rules.yml").read_text())
        for used in set(re.findall(r"countersign_\w+", " ".join(expressions))):
            self.assertIn(re.sub(r"_(bucket|sum|count)$", "", used), known)

    def test_shell_scripts_parse(self):
        for file in (*PACKAGING.rglob("*.sh"), *(ROOT / "tests").rglob("*.sh"), PACKAGING / "debian" / "postrm"):
            self.assert_ok(run("bash", "-n", file))

    def test_the_containerfile_names_what_exists(self):
        text = (PACKAGING / "container" / "Containerfile").read_text().replace("\\\n", " ")
        instructions = [line.split()[0] for line in text.splitlines() if line.strip() and not line.startswith("#")]
        allowed = {"FROM", "WORKDIR", "COPY", "RUN", "USER", "VOLUME", "EXPOSE", "CMD", "STOPSIGNAL"}
        self.assertLessEqual(set(instructions), allowed)
        self.assertEqual(instructions[0], "FROM")
        for image in re.findall(r"^FROM (\S+)", text, re.MULTILINE):
            self.assertRegex(image, r"^docker\.io/library/debian:bookworm", "a base without a fixed release")
        for source in re.findall(r"^COPY (?!--from)(\S+) ", text, re.MULTILINE):
            self.assertTrue((ROOT / source).exists(), source)
        self.assertGreater(text.index("CMD"), text.rindex("USER countersign"), "it would run as root")

    def test_the_compose_file_names_what_exists(self):
        text = (PACKAGING / "container" / "compose.yaml").read_text()
        self.assertNotIn("\t", text)
        shipped = [name for name in re.findall(r"- \./([\w.-]+):", text)]
        for name in shipped:
            if name not in ("tls", "nginx.conf"):  # the administrator's own
                self.assertTrue((PACKAGING / "container" / name).exists(), name)
        for hardening in ("read_only: true", "cap_drop: [ALL]", "no-new-privileges:true"):
            self.assertIn(hardening, text)


def anchors(text):
    """The anchors of a page's headings, as the usual Markdown viewers make them."""
    found = set()
    for heading in re.findall(r"^#{1,6} (.+)$", re.sub(r"^```.*?^```", "", text, flags=re.M | re.S), re.MULTILINE):
        plain = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading)
        found.add(re.sub(r"[^\w\- ]", "", plain.lower()).strip().replace(" ", "-"))
    return found


def broken_links(file):
    text = file.read_text()
    outside_code = re.sub(r"^```.*?^```|`[^`\n]*`", "", text, flags=re.M | re.S)
    for target in re.findall(r"\]\(([^)\s]+)\)", outside_code):
        if re.match(r"[a-z]+:", target):
            continue
        path, _, anchor = urllib.parse.unquote(target).partition("#")
        page = file if not path else (file.parent / path).resolve()
        if not page.exists():
            yield f"{file.name}: {target}: there is no such file"
        elif anchor and page.suffix == ".md" and anchor not in anchors(page.read_text()):
            yield f"{file.name}: {target}: there is no such heading"


class LinksTest(unittest.TestCase):
    def test_every_link_of_the_documents_leads_somewhere(self):
        pages = [ROOT / "README.md", *(ROOT / "docs").rglob("*.md")]
        self.assertGreater(len(pages), 10)
        self.assertEqual([problem for page in pages for problem in broken_links(page)], [])

    def test_every_document_is_reached_from_the_readme(self):
        reached, todo = set(), [ROOT / "README.md"]
        while todo:
            page = todo.pop()
            if page in reached or not page.exists() or page.suffix != ".md":
                continue
            reached.add(page)
            for target in re.findall(r"\]\(([^)#\s]+)", page.read_text()):
                if not re.match(r"[a-z]+:", target):
                    todo.append((page.parent / target).resolve())
        unreached = {page.name for page in (ROOT / "docs").glob("*.md")} - {page.name for page in reached}
        self.assertEqual(unreached, set())

    def test_a_broken_link_is_noticed(self):
        with tempfile.TemporaryDirectory() as directory:
            page = pathlib.Path(directory) / "page.md"
            page.write_text("# A heading: with *words*\n[a](#a-heading-with-words) [b](#nowhere) [c](none.md) `[d](none.md)`\n")
            self.assertEqual([problem.split(": ")[1] for problem in broken_links(page)], ["#nowhere", "none.md"])

    def test_runbooks_of_the_alerts_exist(self):
        rules = (PACKAGING / "monitoring" / "countersign.rules.yml").read_text()
        for page, anchor in re.findall(r"runbook: (\S+)#(\S+)", rules):
            self.assertIn(anchor, anchors((ROOT / page).read_text()), f"{page}#{anchor}")


if __name__ == "__main__":
    unittest.main()
