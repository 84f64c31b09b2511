#!/bin/sh
# Fuzzes every parser of foreign bytes with libFuzzer (clang-16, AddressSanitizer, UndefinedBehaviorSanitizer).
#
#   tests/fuzz/run.sh [-j N] MINUTES [TARGET...]   each target for MINUTES of CPU, N at once (default: all, one after the other)
#   tests/fuzz/run.sh merge [TARGET...]            adds to tests/fuzz/corpus what reaches edges that its inputs do not
#
# Starts from tests/fuzz/corpus and the seeds (seeds.py), keeps what it finds in build/fuzz/corpus/TARGET, and prints for each
# target executions, edges reached and inputs kept. An input that breaks something stays in build/fuzz/crashes, and that target's
# run ends; the others go on, and the whole ends with an error.
set -eu
cd "$(dirname "$0")/../.."
build=$PWD/build/fuzz
export UBSAN_OPTIONS=print_stacktrace=1:halt_on_error=1
usage() { sed -n '2,9s/^# \{0,1\}//p' "$0" >&2; exit 2; }

program_of() {
    program=$build/tests/fuzz/fuzz_$1
    [ -x "$program" ] || { echo "no target $1: see tests/fuzz/targets" >&2; exit 2; }
    mkdir -p "tests/fuzz/corpus/$1" "$build/corpus/$1" "$build/seeds/$1"
}

merge() {
    program_of "$1"
    committed=tests/fuzz/corpus/$1
    # The seeds, which foreign programs made, stay, whatever smaller input reaches the same.
    "$program" -set_cover_merge=1 -max_len=16384 "$committed" "$build/corpus/$1" >"$build/logs/$1.merge" 2>&1
    echo "$1: $(ls "$committed" | wc -l) inputs"
}

# Whether the children of this shell have used that many seconds of CPU. Not in a subshell, which has children of its own.
have_used() {
    times >"$2"
    awk -v wanted="$1" 'NR == 2 { split($1 "m" $2, part, /[ms]+/); exit !(part[1] * 60 + part[2] + part[3] * 60 + part[4] >= wanted) }' "$2"
}

# In slices, because libFuzzer counts time that others had as its own.
fuzz() {
    program_of "$2"
    log=$build/logs/$2.log
    : >"$log"
    until have_used $(($1 * 60)) "$log.times"; do
        if ! "$program" -max_total_time=120 -max_len=16384 -timeout=60 -rss_limit_mb=2048 -print_final_stats=1 \
            -artifact_prefix="$build/crashes/$2-" "$build/corpus/$2" "tests/fuzz/corpus/$2" "$build/seeds/$2" >>"$log" 2>&1; then
            tail -40 "$log" >&2
            echo "$2: broken; the input stands in $build/crashes, the log is $log" >&2
            exit 1
        fi
    done
    edges=$(sed -n 's/.* cov: \([0-9]*\) .*/\1/p' "$log" | sort -n | tail -1)
    runs=$(sed -n 's/^stat::number_of_executed_units: *//p' "$log" | awk '{ sum += $1 } END { print sum + 0 }')
    echo "$2: $runs executions in $1 min of CPU, $edges edges, $(ls "$build/corpus/$2" | wc -l) inputs kept"
}

at_once=1
case "${1:-}" in
one) shift; fuzz "$@"; exit ;; # run.sh itself calls this, for one target
-j) [ $# -ge 3 ] || usage; at_once=$2; shift 2 ;;
esac
[ $# -ge 1 ] || usage
case $1 in merge) ;; *[!0-9]* | '') usage ;; esac
mode=$1
shift
packaging/dependencies.sh fuzz
cmake --preset fuzz >/dev/null
cmake --build --preset fuzz --parallel "$(nproc)" --target fuzz_targets
python3 tests/fuzz/seeds.py "$build/seeds" >/dev/null
mkdir -p "$build/crashes" "$build/logs"
[ $# -gt 0 ] || set -- $(cd tests/fuzz/targets && ls ./*.cpp | sed 's,^\./,,; s/\.cpp$//')
if [ "$mode" = merge ]; then
    for target in "$@"; do merge "$target"; done
else
    printf '%s\n' "$@" | xargs -P "$at_once" -I TARGET tests/fuzz/run.sh one "$mode" TARGET
fi
