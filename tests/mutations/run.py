#!/usr/bin/env python3
"""Breaks the code on purpose, one invariant of the design at a time, and fails unless a test notices.

Usage: tests/mutations/run.py [--only TEXT] [--build DIR]
       tests/mutations/run.py --check     only whether each piece of text is there once; this is part of CI

Works on a copy of the committed tree (git worktree) in a scratch directory, so that the working tree stays as it is. Each
mutation replaces one piece of text that must occur exactly once, builds one test executable, and expects it to fail; unbroken
it must pass first. The whole is not part of CI: it is run when an invariant or its test changes. It takes minutes.
"""
import argparse
import os
import pathlib
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]

# (invariant of the design, section 6; what is broken; file; text; replacement; test executable)
MUTATIONS = [
    (1, "an unknown messageType counts as PKCSReq", "src/scep/message.cpp",
     'if (text == "19") return MessageType::pkcs_req;\n', 'if (text != "17" && text != "20" && text != "21" && text != "22" && text != "3") return MessageType::pkcs_req;\n',
     "unit_ra"),
    (1, "a RenewalReq needs no certificate of ours", "src/ra/enrollment.cpp",
     "exchange.opened.type() == scep::MessageType::renewal_req && !exchange.renewed", "false",
     "unit_ra"),
    (2, "a CA certificate may be asked for", "src/policy/rules/extensions.cpp",
     'c.refuse("ExtensionForbidden", "the request asks for a CA certificate");', 'c.plan.basic_constraints.ca = true;',
     "unit_policy"),
    (2, "the embedded CA issues what it never issues", "src/ca/local/local_ca.cpp",
     "auto objections = never_issued(request.plan(), successor);", "static_cast<void>(&never_issued); static_cast<void>(successor); std::vector<std::string> objections;",
     "unit_ca"),
    (3, "the signer's key may differ from the request's", "src/ra/enrollment.cpp",
     "return rules == nullptr || rules->signer_key_must_match;", "return rules == nullptr;",
     "unit_ra"),
    (4, "a password is reserved whatever its state", "src/store/sql_transactions.cpp",
     "AND profile = :p AND state = 'outstanding' AND expires > :e", "AND profile = :p AND expires > :e",
     "unit_store"),
    (4, "expiry is not looked at when a password is used", "src/store/sql_transactions.cpp",
     "AND profile = :p AND state = 'outstanding' AND expires > :e", "AND profile = :p AND state = 'outstanding' AND :e = :e",
     "unit_store"),
    (4, "the pepper keys nothing", "src/challenge/one_time.cpp",
     "crypto::hmac_sha256(pepper_.reveal(), message.reveal())", "crypto::hmac_sha256({}, message.reveal())",
     "unit_challenge"),
    (5, "bad padding of the content key is an error of its own", "src/keys/unwrap.cpp",
     "return select(pkcs1_holds(octets, length), octets.last(length), substitute);",
     'static_cast<void>(&pkcs1_holds); return select(constant_time::mask_of(true), octets.last(length), substitute);',
     "unit_keys"),
    (5, "the substitute key differs from try to try", "src/keys/unwrap.cpp",
     "append_be32(input, length);", "static int tries = 0; append_be32(input, length + static_cast<std::size_t>(++tries));",
     "unit_keys"),
    (5, "the wire tells a bad padding from a bad request", "src/scep/request.cpp",
     'return Refusal{Wire::undecipherable, "the envelope does not open with our key"};',
     'return Refusal{Wire::unsupported_algorithm, "the envelope does not open with our key"};',
     "unit_scep"),
    (6, "two signers are taken", "src/crypto/cms_signed_data.cpp",
     "if (asn1::count(fields.signers) != 1)", "if (asn1::count(fields.signers) < 1)",
     "unit_crypto"),
    (6, "the signature over a message is not verified", "src/scep/envelope.cpp",
     "CHECK(data.verify(signer->public_key(), true));", "",
     "unit_scep"),
    (7, "secrets are not wiped", "src/core/secret.cpp",
     "void Secret::wipe() {\n    wipe_memory(bytes_.data(), bytes_.size());", "void Secret::wipe() {",
     "unit_core"),
    (8, "administrators may sign in over plain HTTP from anywhere", "src/admin/sign_in.cpp",
     "if (!request.secure && !request.loopback_or_proxy && !listener->second.plain_http)", "if (false)",
     "unit_admin"),
    (4, "a signed challenge is believed unsigned", "src/challenge/signed.cpp",
     "CHECK(verify_signature(signed_statement, *issuer));", "(void)verify_signature;", "unit_challenge"),
    (4, "a signed challenge says nothing of an empty list of names", "src/policy/rules/exact_terms.cpp",
     "        if (!expected.contains(text))", "        if (!expected.empty() && !expected.contains(text))", "unit_policy"),
    (4, "a broken signed challenge is tried as a password", "src/challenge/fixed.cpp",
     "return challenge && !looks_signed(challenge->reveal_text());", "return challenge.has_value();", "unit_challenge"),
    (9, "an empty single password is fine", "src/challenge/fixed.cpp",
     "if (password_.empty()) throw", "if (false) throw", "unit_challenge"),
    (9, "nobody is warned of mode none", "src/config/check_profiles.cpp",
     'if (single || challenge.mode == "none") {', "if (false) {",
     "unit_config"),
    (10, "any RSA exponent will do", "src/policy/key_strength.cpp",
     "if (key.rsa_exponent() != Bytes{0x01, 0x00, 0x01})", "if (false)",
     "unit_policy"),
    # That one key may not be both of the RA's is shown by system.command_line, which this runner does not drive.
    ("5 (section 5)", "the certificate is not compared with the plan", "src/ra/settlement.cpp",
     "auto findings = policy::compare_with_plan(agreed, certificate);",
     "auto findings = policy::compare_with_plan(agreed, certificate); findings.clear();", "unit_ra"),
    ("5 (section 5)", "the audit is not asked before issuing", "src/ra/enrollment.cpp",
     "CHECK(parts_.audit.record(\n        exchange.event(hold", "static_cast<void>(parts_.audit.record(\n        exchange.event(hold",
     "unit_ra"),
    ("ca", "the embedded CA takes any signer for an agent", "src/ca/local/countersignature.cpp",
     'return refused("the agent certificate is not in the ledger of this CA");', "return boost::system::in_place_value;",
     "unit_ca"),
    ("ca", "what a CA copied from the request is overlooked", "src/policy/compare.cpp",
     "    compare_identity(plan, certificate, findings);\n", "    static_cast<void>(&compare_identity);\n", "unit_policy"),
    ("ca", "another CA may be asked for a security identifier", "src/policy/rules/extensions.cpp",
     "c.facts.ca_sees_request && must_not_be_copied(c, extension)", "false && must_not_be_copied(c, extension)", "unit_policy"),
    (8, "an NTLM message may have its parts anywhere", "src/admin/ntlm_message.cpp",
     "&& fields_lie_in_the_payload(message)", "&& (static_cast<void>(&fields_lie_in_the_payload), true)", "unit_admin"),
    ("store", "requests lie in the store as they are, with their passwords", "src/store/request_seal.cpp",
     "if (!key_) return crypto::base64(request);", "return crypto::base64(request);", "unit_store"),
    ("hook", "what a hook adds to a plan is overlooked", "src/policy/narrow.cpp",
     "if (!pen.findings.empty()) return Widened{std::move(pen.findings)};", "", "unit_policy"),
    ("hook", "a hook may leave no key usage, which is every key usage", "src/policy/narrow.cpp",
     'if (usage == 0 && pen.plan.key_usage != 0) return pen.refuse("KeyUsageEmpty", "no key usage would be left");', "",
     "unit_policy"),
    ("hook", "an answer to another question counts", "src/hook/answers.cpp",
     "if (answered != id)", "if (answered.empty())", "unit_hook"),
    ("hook", "without a verdict the request passes", "src/ra/second_opinion.cpp",
     'return fail::unavailable("policy hook " + hook->name() + " gave no verdict: " + opinion.error().detail);', "return decision;",
     "unit_ra"),
]


def run(*command, **options):
    return subprocess.run([str(word) for word in command], capture_output=True, text=True, check=False, **options)


class Copy:
    """The committed tree in a scratch directory, with a build directory of its own."""

    def __init__(self, directory, build):
        self.tree = directory / "tree"
        self.build = build or directory / "build"
        done = run("git", "-C", ROOT, "worktree", "add", "--detach", self.tree, "HEAD")
        if done.returncode != 0:
            sys.exit(done.stderr)
        environment = {**os.environ, "CCACHE_NOHASHDIR": "1", "CCACHE_BASEDIR": str(self.tree)}
        self.options = {"cwd": self.tree, "env": environment}
        done = run("cmake", "--preset", "asan", "-B", self.build, **self.options)
        if done.returncode != 0:
            sys.exit(done.stdout + done.stderr)

    def close(self):
        run("git", "-C", ROOT, "worktree", "remove", "--force", self.tree)

    def test(self, executable):
        """None: it does not build (with the compiler's words). Else whether its tests pass, and which do not."""
        built = run("cmake", "--build", self.build, "--target", executable, **self.options)
        if built.returncode != 0:
            return None, [line for line in built.stdout.splitlines() if "error" in line][:5]
        done = run(self.build / "tests" / executable, "--gtest_brief=1", timeout=900, **self.options)
        failed = sorted({line.split("] ")[1].split(",")[0].split(" (")[0] for line in done.stdout.splitlines() if "[  FAILED  ] " in line
                         and "." in line})
        return done.returncode == 0, failed or [f"exit code {done.returncode}"]


def break_and_test(copy, mutation):
    """The tests that noticed; an empty list: none did."""
    invariant, what, file, text, replacement, executable = mutation
    path = copy.tree / file
    whole = path.read_text()
    path.write_text(whole.replace(text, replacement))
    try:
        passed, noticed = copy.test(executable)
    finally:
        path.write_text(whole)
    if passed is None:
        sys.exit(f"\"{what}\" does not compile: {noticed}")
    return [] if passed else noticed


def outdated(tree):
    """What is wrong with the mutations that do not fit the tree any more."""
    counts = [(mutation, (tree / mutation[2]).read_text().count(mutation[3])) for mutation in MUTATIONS]
    return [f"{mutation[2]}: the text of \"{mutation[1]}\" occurs {times} times, not once" for mutation, times in counts if times != 1]


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--only", default="", help="mutations whose description holds this text")
    arguments.add_argument("--build", type=pathlib.Path, help="a build directory to reuse")
    arguments.add_argument("--check", action="store_true", help="only whether each piece of text is there once")
    options = arguments.parse_args()
    if wrong := outdated(ROOT):
        sys.exit("\n".join(wrong))
    if options.check:
        return 0
    chosen = [mutation for mutation in MUTATIONS if options.only in mutation[1]]
    unnoticed = 0
    with tempfile.TemporaryDirectory(prefix="countersign-mutations-") as scratch:
        copy = Copy(pathlib.Path(scratch), options.build)
        try:
            for executable in sorted({mutation[5] for mutation in chosen}):
                passed, failed = copy.test(executable)
                if not passed:
                    sys.exit(f"{executable} does not pass unbroken: {failed}")
            for mutation in chosen:
                noticed = break_and_test(copy, mutation)
                unnoticed += not noticed
                shown = f"{len(noticed)} tests notice, e.g. {noticed[0]}" if noticed else "NOBODY NOTICES"
                print(f"invariant {mutation[0]}: {mutation[1]}: {shown}", flush=True)
        finally:
            copy.close()
    print(f"{len(chosen)} mutations, {unnoticed} unnoticed")
    return 1 if unnoticed else 0


if __name__ == "__main__":
    sys.exit(main())
