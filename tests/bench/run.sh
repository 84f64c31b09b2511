#!/bin/sh
# Builds a release and measures it: enrollments per second, CPU per enrollment beside its RSA primitives, queries per second, and
# the same with every key in SoftHSM beside files and beside what the token does by itself, and
# Debian's scepserver (package scep) under the same load if it is installed. Arguments go to bench_enrollment.
set -eu
cd "$(dirname "$0")/../.."
build=${COUNTERSIGN_BENCH_BUILD:-build/release}
cmake --preset release -B "$build" >/dev/null
cmake --build "$build" --target bench_enrollment --parallel "$(nproc)"
json=$build/bench.json
"$build/tests/bench/bench_enrollment" --countersign "$build/countersign" --countersignd "$build/countersignd" \
    --directory "$build/bench-instance" --json "$json" "$@"
echo "JSON: $json"
