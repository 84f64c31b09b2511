"""The two programs as they are shipped: hardened by the compiler and linker, and free of the parsers that are not to see foreign bytes."""
import os
import pathlib
import re
import subprocess
import unittest

PROGRAMS = [os.environ["COUNTERSIGN_BIN"], os.environ["COUNTERSIGND_BIN"]]
# OpenSSL's own readers of CMS and PKCS#7, which the holes in it since 3.0 were in, and checks whose time a stranger's key decides.
FORBIDDEN = r"(CMS_|PKCS7_|SMIME_|d2i_CMS|d2i_PKCS7|PEM_read_bio_(CMS|PKCS7)|EVP_PKEY_(public_|param_|pairwise_)?check|DH_check|RSA_check_key)"


def lines(*command):
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=120).stdout.splitlines()


def imports(program):
    return {line.split()[-1].split("@")[0] for line in lines("nm", "-D", "--undefined-only", program)}


def sanitized(program):
    return any(name.startswith(("__asan_", "__tsan_")) for name in imports(program))


def missing_of(program):
    """What of the hardening a program lacks."""
    head = "\n".join(lines("readelf", "-hlWd", program))
    missing = [] if re.search(r"Type:\s+DYN \(Position-Independent Executable", head) else ["position-independent"]
    missing += [] if "GNU_RELRO" in head else ["relro"]
    missing += [] if re.search(r"FLAGS.*BIND_NOW", head) else ["all symbols bound at the start"]
    missing += [] if re.search(r"GNU_STACK(\s+0x\w+){5}\s+RW\s", head) else ["a stack that is not executable"]
    missing += ["no segment writable and executable"] if re.search(r"LOAD.*\sRWE\s", head) else []
    names = imports(program)
    missing += [] if "__stack_chk_fail" in names else ["stack protector"]
    missing += [] if any(re.fullmatch(r"__\w+_chk", name) for name in names - {"__stack_chk_fail"}) else ["fortified functions"]
    return missing


class BinaryTest(unittest.TestCase):
    def setUp(self):
        if any(sanitized(program) for program in PROGRAMS):
            self.skipTest("the programs that are shipped have no sanitizers in them")

    def test_the_programs_are_hardened(self):
        for program in PROGRAMS:
            self.assertEqual(missing_of(program), [], program)

    def test_a_program_without_is_noticed(self):
        directory = os.environ.get("TMPDIR", "/tmp")
        bare = os.path.join(directory, f"bare-{os.getpid()}")
        source = "#include <string.h>\nint main(int n, char **v) { char b[99]; strcpy(b, v[0]); return b[n]; }\n"
        try:
            subprocess.run(["gcc", "-x", "c", "-", "-o", bare, "-O1", "-no-pie", "-fno-stack-protector", "-U_FORTIFY_SOURCE", "-w",
                            "-fcf-protection=none", "-Wl,-z,execstack,-z,norelro,-z,lazy"], input=source, text=True, check=True, timeout=60)
            missing = missing_of(bare)
        finally:
            pathlib.Path(bare).unlink(missing_ok=True)
        for what in ("position-independent", "relro", "all symbols", "a stack", "stack protector", "fortified"):
            self.assertTrue(any(word.startswith(what) for word in missing), (what, missing))

    def test_openssl_reads_no_messages(self):
        for program in PROGRAMS:
            found = {name for name in imports(program) if re.match(FORBIDDEN, name)}
            self.assertEqual(found, set(), program)
            self.assertIn("d2i_X509", imports(program), "the symbols are not looked at")

    def test_nothing_made_for_tests_is_in_them(self):
        for program in PROGRAMS:
            octets = pathlib.Path(program).read_bytes()
            self.assertIn(b"enrollment.accepted", octets, "texts are not found this way")
            for word in (b"COUNTERSIGN_CRASH", b"CountingRandom", b"FixedClock", b"ScriptedBackend", b"MemorySink"):
                self.assertNotIn(word, octets, program)


if __name__ == "__main__":
    unittest.main()
