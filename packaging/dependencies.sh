#!/usr/bin/env bash
# Installs what Countersign needs from Debian 12. Usage: dependencies.sh build|test|fuzz
# "build" is enough for the two programs; "test" adds the foreign clients and servers the tests drive,
# "fuzz" what tests/fuzz/run.sh needs.
set -euo pipefail

build_packages=(
  g++ cmake ninja-build ccache pkg-config
  libssl-dev libboost1.81-dev libspdlog-dev nlohmann-json3-dev
  libtomlplusplus-dev libcli11-dev libpugixml-dev libsoci-dev libsqlite3-dev libpq-dev
  libcurl4-openssl-dev libcrypt-dev libkrb5-dev libsystemd-dev libp11-kit-dev prometheus-cpp-dev
)
test_packages=(
  "${build_packages[@]}"
  libgtest-dev libgmock-dev libbenchmark-dev
  scep certmonger strongswan-pki libstrongswan-extra-plugins
  softhsm2 opensc postgresql
  openssl sqlite3 curl python3 python3-jsonschema python3-jwcrypto python3-cryptography python3-pyasn1-modules procps netcat-openbsd
  haproxy chromium prometheus apparmor
  debhelper dh-apparmor lintian mmdebstrap systemd-container
  krb5-kdc krb5-admin-server krb5-user python3-gssapi gss-ntlmssp nginx-light apache2-bin python3-h2
)

# The browser tests take whatever Node.js there is.
command -v npm >/dev/null || test_packages+=(nodejs npm)

case "${1:-build}" in
  build) wanted=("${build_packages[@]}") ;;
  test) wanted=("${test_packages[@]}") ;;
  fuzz) wanted=("${build_packages[@]}" clang-16 libclang-rt-16-dev) ;;
  *) echo "usage: $0 build|test|fuzz" >&2; exit 2 ;;
esac

missing=()
for package in "${wanted[@]}"; do
  dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q 'install ok installed' || missing+=("$package")
done
[ "${#missing[@]}" -eq 0 ] && exit 0

if [ "$(id -u)" -ne 0 ]; then
  echo "These Debian packages are missing; install them as root and run this again:" >&2
  echo "  apt-get install ${missing[*]}" >&2
  exit 1
fi
export DEBIAN_FRONTEND=noninteractive
# Client packages must not start daemons of their own while we only want their programs.
apt-get update -q
apt-get install -y -q --no-install-recommends "${missing[@]}"
