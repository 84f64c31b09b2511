#!/usr/bin/env bash
# From a fresh Debian 12 to a running SCEP server and one enrolled certificate.
# Usage: quickstart.sh [--dir DIR] [--port N] [--once]
#   --dir DIR   where the instance goes (must not exist or be empty; default: a new directory under /tmp)
#   --port N    where it listens on 127.0.0.1 (default 8080)
#   --once      stop after the certificate instead of serving on; exits 0 if everything worked
set -euo pipefail

usage() { sed -n '3,6s/^# \{0,1\}//p' "$0"; }

dir="" port=8080 once=no
while [ $# -gt 0 ]; do
  case "$1" in
    --dir) [ $# -ge 2 ] || { usage >&2; exit 2; }; dir=$2; shift 2 ;;
    --port) [ $# -ge 2 ] || { usage >&2; exit 2; }; port=$2; shift 2 ;;
    --once) once=yes; shift ;;
    -h|--help) usage; exit 0 ;;
    *) echo "quickstart.sh: unknown argument: $1" >&2; usage >&2; exit 2 ;;
  esac
done
case "$port" in ''|*[!0-9]*) echo "quickstart.sh: --port takes a number" >&2; exit 2 ;; esac

say() { printf '\n== %s\n' "$*"; }
root=$(cd "$(dirname "$0")/.." && pwd)
build="$root/build/release"

say "Installing what is missing"
"$root/packaging/dependencies.sh" build

say "Building (the first time takes a few minutes)"
cmake -S "$root" -B "$build" -G Ninja -DCMAKE_BUILD_TYPE=RelWithDebInfo -DCOUNTERSIGN_TESTS=OFF >/dev/null
cmake --build "$build" --target countersign countersignd
countersign="$build/countersign"

work=$(mktemp -d /tmp/countersign-quickstart.XXXXXX)
[ -n "$dir" ] || dir="$work/instance"
daemon=""
stop() {
  [ -z "$daemon" ] || { kill "$daemon" 2>/dev/null && wait "$daemon"; } || true
  rm -rf "$work/challenge" "$work/device" "$work/init"
  [ "$once" = no ] || rm -rf "$work"
}
trap stop EXIT
trap 'exit 130' INT TERM

say "Making an instance in $dir"
(umask 077; "$countersign" init "$dir" --listen "127.0.0.1:$port" >"$work/init")
cat "$work/init"
config=$(sed -n 's/^config: *//p' "$work/init")
url=$(sed -n 's/^scep_url: *//p' "$work/init")

say "Starting the daemon (log: $work/daemon.log)"
"$build/countersignd" --config "$config" 2>"$work/daemon.log" &
daemon=$!
for _ in $(seq 100); do
  grep -q 'listening on' "$work/daemon.log" && break
  kill -0 "$daemon" 2>/dev/null || break
  sleep 0.1
done
if ! grep -q 'listening on' "$work/daemon.log"; then
  cat "$work/daemon.log" >&2
  echo "quickstart.sh: the daemon did not start; is port $port in use? try --port" >&2
  exit 1
fi

say "Enrolling one certificate, as a device would"
(umask 077; "$countersign" challenge new --config "$config" --subject "CN=quickstart-device" >"$work/challenge")
"$countersign" probe "$url" --challenge-file "$work/challenge" --enroll-once --subject "CN=quickstart-device" --out "$work/device"

say "The certificate"
if command -v openssl >/dev/null; then
  openssl x509 -in "$work/device/certificate.pem" -noout -subject -issuer -serial -dates -ext extendedKeyUsage,keyUsage
else
  cat "$work/device/certificate.pem"
fi
"$countersign" certificate list --config "$config"

if [ "$once" = yes ]; then
  say "Stopping"
  kill "$daemon"
  wait "$daemon"
  daemon=""
  exit 0
fi

say "Serving on: $url  (stop with Ctrl-C)"
echo "A challenge for the next device: $countersign challenge new --config $config"
wait "$daemon"
