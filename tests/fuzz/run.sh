#!/bin/sh
# Fuzzes every parser of foreign bytes with libFuzzer (clang-16, AddressSanitizer, UndefinedBehaviorSanitizer).
#
#   tests/fuzz/run.sh MINUTES [TARGET...]      each target for MINUTES (default: all of them, one after the other)
#
# Starts from tests/fuzz/corpus and the seeds (seeds.py), keeps what it finds in build/fuzz/corpus/TARGET, and prints for each
# target executions, edges reached and inputs kept. The first input that breaks something stops the run: it stands in
# build/fuzz/crashes. `tests/fuzz/run.sh merge` brings the smallest inputs that reach the same edges back into tests/fuzz/corpus.
set -eu
cd "$(dirname "$0")/../.."
usage() { sed -n '2,9s/^# \{0,1\}//p' "$0" >&2; exit 2; }
[ $# -ge 1 ] || usage
case $1 in merge) minutes=0 ;; *[!0-9]* | '') usage ;; *) minutes=$1 ;; esac
mode=$1
shift
build=$PWD/build/fuzz
cmake --preset fuzz >/dev/null
cmake --build --preset fuzz --parallel "$(nproc)" --target fuzz_targets
python3 tests/fuzz/seeds.py "$build/seeds" >/dev/null
[ $# -gt 0 ] || set -- $(cd tests/fuzz/targets && ls ./*.cpp | sed 's,^\./,,; s/\.cpp$//')
mkdir -p "$build/crashes" "$build/logs"
export UBSAN_OPTIONS=print_stacktrace=1:halt_on_error=1
for target in "$@"; do
    committed=tests/fuzz/corpus/$target
    found=$build/corpus/$target
    mkdir -p "$committed" "$found"
    program=$build/tests/fuzz/fuzz_$target
    [ -x "$program" ] || { echo "no target $target: see tests/fuzz/targets" >&2; exit 2; }
    if [ "$mode" = merge ]; then
        rm -rf "$committed.new" && mkdir "$committed.new"
        "$program" -merge=1 -max_len=16384 "$committed.new" "$build/seeds/$target" "$committed" "$found" >"$build/logs/$target.merge" 2>&1
        rm -rf "$committed" && mv "$committed.new" "$committed"
        echo "$target: $(ls "$committed" | wc -l) inputs"
        continue
    fi
    log=$build/logs/$target.log
    if ! "$program" -max_total_time=$((minutes * 60)) -max_len=16384 -timeout=10 -rss_limit_mb=2048 -print_final_stats=1 \
        -artifact_prefix="$build/crashes/$target-" "$found" "$committed" "$build/seeds/$target" >"$log" 2>&1; then
        tail -40 "$log" >&2
        echo "$target: broken; the input stands in $build/crashes, the log is $log" >&2
        exit 1
    fi
    edges=$(sed -n 's/.* cov: \([0-9]*\) .*/\1/p' "$log" | tail -1)
    runs=$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")
    echo "$target: $runs executions in $minutes min, $edges edges, $(ls "$found" | wc -l) inputs kept"
done
