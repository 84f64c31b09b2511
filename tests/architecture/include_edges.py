#!/usr/bin/env python3
"""Compares the actual #include edges between rooms with the design's one direction of dependency.

Usage: include_edges.py ROOT [--self-test]
Exit code 1 lists every edge that the design forbids. --self-test plants one violation of each kind in a copy
of the tree's shape and fails unless every one is found.
"""
import pathlib
import re
import sys
import tempfile

# A room may include itself and what is listed here (design section 3).
BELOW_CRYPTO = ["core", "process", "async", "net"]
BELOW_STORE = BELOW_CRYPTO + ["crypto", "keys"]
BELOW_SCEP = BELOW_STORE + ["store", "audit"]
BELOW_RA = BELOW_SCEP + ["scep", "challenge", "policy", "ca", "hook"]
MAY_INCLUDE = {
    "core": [],
    "config": ["core"],
    "process": ["core"],
    "async": ["core"],
    "net": ["core", "async"],
    "crypto": BELOW_CRYPTO,
    "keys": BELOW_CRYPTO + ["crypto"],
    "store": BELOW_STORE,
    "audit": BELOW_STORE,
    "scep": BELOW_SCEP,
    "challenge": BELOW_SCEP,
    "policy": BELOW_SCEP,
    "ca": BELOW_SCEP,
    "notify": BELOW_SCEP,
    "intune": BELOW_SCEP + ["challenge", "notify"],
    "hook": BELOW_SCEP + ["policy"],
    "ra": BELOW_RA,
    "http": BELOW_RA + ["ra"],
    "admin": BELOW_RA + ["ra"],
}

# Libraries that have a home: pattern of the include, and of the files that may name it.
LIBRARIES = [
    (r"<openssl/", r"^(src|include/countersign)/(crypto|keys)/|^src/http/tls"),
    (r"<boost/(asio|beast)", r"^(src|include/countersign)/(async|http)/"),
    (r"<(soci/|sqlite3)", r"^src/store/"),
    (r"<curl/", r"^src/net/"),
    (r"<p11-kit/", r"^src/keys/pkcs11/"),
    (r"<toml", r"^src/config/"),
    (r"<spdlog/", r"^src/app/"),
    (r"<pugixml", r"^src/(app|ca)/"),
    (r"<crypt\.h>", r"^src/admin/"),
    (r"<gssapi", r"^src/admin/gss"),
    (r"<prometheus/", r"^src/admin/"),
]

# Adapters are named where things are wired, and by the commands that make or use keys and CAs themselves.
ADAPTERS = [
    (r'"countersign/(ca/local|keys/file_key|keys/pkcs11_key|challenge/one_time|challenge/fixed|hook/webhook|hook/command)\.hpp"',
     r"^src/app/wire\.cpp$|^src/app/(commands/(init|key)|probe/)[a-z_]*\.(cpp|hpp)$|^(src|include/countersign)/(ca|keys|challenge|hook)/"),
]

INCLUDE = re.compile(r'^\s*#\s*include\s+([<"][^>"]+[>"])', re.M)


def room_of(path):
    parts = path.split("/")
    if parts[0] == "src" and len(parts) > 2:
        return parts[1]
    if parts[:2] == ["include", "countersign"] and len(parts) > 3:
        return parts[2]
    return None


def violations(root):
    found = []
    files = [p for top in ("src", "include") for p in sorted((root / top).rglob("*")) if p.suffix in (".cpp", ".hpp")]
    for file in files:
        path = file.relative_to(root).as_posix()
        room = room_of(path)
        for include in INCLUDE.findall(file.read_text(encoding="utf-8")):
            own = re.match(r'"countersign/([a-z]+)/', include)
            if own and room != "app" and own.group(1) != room and own.group(1) not in MAY_INCLUDE.get(room, []):
                found.append(f"{path}: room {room} may not include {include}")
            for pattern, home in LIBRARIES + ADAPTERS:
                if re.match(pattern, include) and not re.search(home, path):
                    found.append(f"{path}: {include} has no place here")
    return len(files), found


def self_test():
    planted = {
        "src/core/a.cpp": '#include "countersign/crypto/oid.hpp"\n',
        "src/scep/b.cpp": '#include "countersign/policy/judge.hpp"\n',
        "src/ra/c.cpp": '#include "countersign/http/server.hpp"\n',
        "src/config/d.cpp": '#include "countersign/store/database.hpp"\n',
        "include/countersign/policy/e.hpp": "# include <openssl/evp.h>\n",
        "src/http/f.cpp": "#include <openssl/ssl.h>\n",
        "src/app/lifecycle.cpp": '#include "countersign/ca/local.hpp"\n',
        "src/hook/i.cpp": '#include "countersign/ca/backend.hpp"\n',
        "src/ra/j.cpp": '#include "countersign/hook/webhook.hpp"\n',
        "src/store/g.cpp": "#include <boost/asio.hpp>\n",
        "src/admin/negotiate.cpp": "#include <gssapi/gssapi.h>\n",
    }
    allowed = {
        "src/app/wire.cpp": '#include "countersign/ca/local.hpp"\n',
        "src/http/tls_context.cpp": "#include <openssl/ssl.h>\n",
        "src/ra/h.cpp": '#include "countersign/policy/judge.hpp"\n',
    }
    with tempfile.TemporaryDirectory() as directory:
        root = pathlib.Path(directory)
        for path, text in {**planted, **allowed}.items():
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            (root / path).write_text(text)
        _, found = violations(root)
    missed = [path for path in planted if not any(v.startswith(path + ":") for v in found)]
    wrong = [v for v in found if v.split(":")[0] in allowed]
    if missed or wrong or len(found) != len(planted):
        sys.exit(f"the test itself is broken: missed {missed}, wrongly found {wrong}")


def main():
    root = pathlib.Path(sys.argv[1])
    self_test()
    count, found = violations(root)
    if count < 20:
        sys.exit(f"only {count} source files under {root}: looking in the wrong place")
    for violation in found:
        print(violation)
    print(f"{count} files, {len(found)} forbidden includes")
    sys.exit(1 if found else 0)


main()
