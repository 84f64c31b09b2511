#!/usr/bin/env bash
# The one test command: installs what is missing, builds, runs every test, ends with a summary.
#
#   tests/run.sh            everything CI runs
#   tests/run.sh --quick    without the thread sanitizer
#
# Exit code 0 only if every step passed. Builds stay in build/ and are reused.
set -uo pipefail
cd "$(dirname "$0")/.."

quick=false
case "${1:-}" in
  "") ;;
  --quick) quick=true ;;
  *) sed -n '2,7s/^# \{0,1\}//p' "$0" >&2; exit 2 ;;
esac

jobs=$(nproc)
export CCACHE_NOHASHDIR=1 CCACHE_BASEDIR="$PWD"  # so that clones share what they compiled
export CTEST_PARALLEL_LEVEL="$jobs"
summary=()
failed=0

# step NAME command...: runs it, keeps its outcome for the summary.
step() {
  local name=$1 started=$SECONDS
  shift
  printf '\n=== %s\n' "$name"
  if "$@"; then
    summary+=("$(printf 'ok      %4ds  %s' $((SECONDS - started)) "$name")")
  else
    summary+=("$(printf 'FAILED  %4ds  %s' $((SECONDS - started)) "$name")")
    failed=1
    return 1
  fi
}

finish() {
  printf '\n=== summary\n'
  printf '%s\n' "${summary[@]}"
  exit "$failed"
}

configure_and_build() {
  local preset=$1
  shift
  cmake --preset "$preset" >"build-$preset.log" 2>&1 || { cat "build-$preset.log"; rm -f "build-$preset.log"; return 1; }
  rm -f "build-$preset.log"
  cmake --build --preset "$preset" -j "$jobs" "$@"
}

step "install what is missing" packaging/dependencies.sh test || finish
step "include edges between rooms" python3 tests/architecture/include_edges.py . || true
step "mutations that still fit the code" python3 tests/mutations/run.py --check || true
# The programs as they are shipped, driven from outside: clients nobody here wrote, hostile input, kill -9.
step "build the programs (release, warnings are errors)" configure_and_build release --target outside_tests || finish
step "interop, system and fault tests" ctest --preset release --no-tests=error -L 'interop|system|packaging|faults' || true
step "the Debian package, on a clean root" tests/packaging/install_test.sh || true

# Every unit and contract test, under AddressSanitizer and UndefinedBehaviorSanitizer.
if step "build the unit tests (address and undefined behaviour sanitizers)" configure_and_build asan --target unit_tests; then
  step "unit and contract tests under ASan and UBSan" ctest --preset asan --no-tests=error -L 'unit|threads' || true
fi

if ! $quick && step "build (thread sanitizer)" configure_and_build tsan --target thread_tests; then
  # GCC's ThreadSanitizer cannot place its shadow under the largest ASLR setting; a fixed layout is always fine.
  step "where threads meet, under TSan" setarch -R ctest --preset tsan --no-tests=error -L threads || true
fi
finish
