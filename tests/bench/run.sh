#!/bin/sh
# Builds a release and measures it.
#   run.sh [options]          enrollments per second, CPU per enrollment beside its RSA primitives, queries per second, the same with
#                             every key in SoftHSM beside files and beside what the token does by itself, and Debian's scepserver
#                             (package scep) under the same load if it is installed
#   run.sh hostile [options]  what rightful clients notice of ten thousand slow connections and of ten times more requests than can
#                             be served; --soak MINUTES: whether memory and descriptors stay as they are
#   run.sh oracle [options]   whether the time of a failure tells what failed
#   run.sh cost [options]     what a bad request costs beside a good one
# Options go to the program; --help lists them.
set -eu
cd "$(dirname "$0")/../.."
program=bench_enrollment
case "${1:-}" in
  hostile | oracle | cost) program=bench_$1; shift ;;
esac
build=${COUNTERSIGN_BENCH_BUILD:-build/release}
cmake --preset release -B "$build" >/dev/null
cmake --build "$build" --target "$program" --parallel "$(nproc)"
json=$build/$program.json
"$build/tests/bench/$program" --countersign "$build/countersign" --countersignd "$build/countersignd" \
    --directory "$build/bench-instance" --json "$json" "$@"
echo "JSON: $json"
