#!/usr/bin/env bash
# The one test command: installs what is missing, builds, runs every test, ends with a summary.
#
#   tests/run.sh            everything CI runs
#   tests/run.sh --quick    the release build's tests only, without the sanitizer builds
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
export CCACHE_NOHASHDIR=1
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
step "build (release, warnings are errors)" configure_and_build release || finish
step "every test (release)" ctest --preset release --no-tests=error || true

if ! $quick; then
  # GCC's ThreadSanitizer cannot place its shadow under the largest ASLR setting; a fixed layout is always fine.
  if step "build (address and undefined behaviour sanitizers)" configure_and_build asan; then
    step "unit, contract and interop tests under ASan and UBSan" ctest --preset asan --no-tests=error -L 'unit|threads|contract|interop' || true
  fi
  if step "build (thread sanitizer)" configure_and_build tsan --target thread_tests; then
    step "where threads meet, under TSan" setarch -R ctest --preset tsan --no-tests=error -L threads || true
  fi
fi
finish
