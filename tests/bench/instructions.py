#!/usr/bin/env python3
"""What an enrollment costs in instructions, and how much of it the RSA private operations are.

CPU times on shared machines scatter by more than a change is worth; instructions do not. The daemon runs under callgrind
while bench_enrollment drives it, writes its counts every few hundred million basic blocks, and the median of the counts
from the steady middle is printed. Instructions of the kernel (sockets, fdatasync, futexes) are not counted: this is the
program's own share, not the whole cost.

    tests/bench/instructions.py [--build build/release] [--enrollments 300] [--connections 4]

Needs valgrind.
"""
import argparse
import os
import pathlib
import re
import statistics
import subprocess
import sys
import tempfile

# Inclusive counts of these two are the four operations that RSA asks for: three signatures and a decryption.
PRIVATE_OPERATIONS = ("EVP_DigestSign ", "EVP_PKEY_decrypt ")
ENROLLMENT = "countersign::ra::Enrollment::answer("
TOTAL = "PROGRAM TOTALS"


def inclusive_counts(profile):
    text = subprocess.run(["callgrind_annotate", "--inclusive=yes", "--threshold=100", "--auto=no", str(profile)],
                          capture_output=True, text=True, check=True).stdout
    counts = {}
    for line in text.splitlines():
        found = re.match(r"\s*([\d,]+) \([^)]*\)\s+(.*)", line)
        if not found:
            continue
        count = int(found[1].replace(",", ""))
        for name in (*PRIVATE_OPERATIONS, ENROLLMENT, TOTAL):
            if name in found[2] + " ":
                counts[name] = max(count, counts.get(name, 0))
    return counts


def run(options, directory):
    wrapper = directory / "countersignd"
    program = pathlib.Path(options.build, "countersignd").resolve()
    wrapper.write_text(f'#!/bin/sh\nexec valgrind --tool=callgrind --dump-every-bb={options.blocks} '
                       f'--callgrind-out-file={directory}/profile "{program}" "$@"\n')
    wrapper.chmod(0o755)
    subprocess.run([f"{options.build}/tests/bench/bench_enrollment", "--countersign", f"{options.build}/countersign",
                    "--countersignd", str(wrapper), "--scepserver", "", "--directory", str(directory / "instance"),
                    "--enrollments", str(options.enrollments), "--queries", "1", "--connections", str(options.connections)],
                   check=True, stdout=subprocess.DEVNULL)
    return sorted(directory.glob("profile.*"), key=lambda path: int(path.suffix[1:]))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", default="build/release")
    parser.add_argument("--enrollments", type=int, default=300)
    parser.add_argument("--connections", type=int, default=4)
    parser.add_argument("--blocks", type=int, default=100_000_000, help="basic blocks between two counts")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        os.chmod(name, 0o700)
        ratios = []
        for profile in run(options, pathlib.Path(name)):
            counts = inclusive_counts(profile)
            private = sum(counts.get(operation, 0) for operation in PRIVATE_OPERATIONS)
            # Only counts of enrolling alone: neither start-up nor the queries after it.
            if all(key in counts for key in (*PRIVATE_OPERATIONS, ENROLLMENT)) and counts[ENROLLMENT] > 0.98 * counts[TOTAL]:
                ratios.append(counts[TOTAL] / private)
    if len(ratios) < 3:
        sys.exit(f"only {len(ratios)} counts of the steady middle; ask for more --enrollments")
    print(f"instructions of the program to those of its RSA private operations: {statistics.median(ratios):.3f} "
          f"(median of {len(ratios)}, {min(ratios):.3f} to {max(ratios):.3f})")


if __name__ == "__main__":
    main()
