#!/usr/bin/env bash
# Builds the Debian package. Usage: build-deb.sh [--build DIR] [--version VERSION] [--out DIR]
#   --build DIR       take what is built there (cmake --preset release) instead of compiling again
#   --version VERSION instead of that in packaging/debian/changelog
#   --out DIR         where the .deb goes (default: build/deb)
set -euo pipefail

root=$(cd "$(dirname "$0")/.." && pwd)
out="$root/build/deb" build="" version=""
while [ $# -gt 1 ]; do
  case "$1" in
    --build) build=$(cd "$2" && pwd) ;;
    --version) version=$2 ;;
    --out) out=$2 ;;
    *) break ;;
  esac
  shift 2
done
[ $# -eq 0 ] || { sed -n '2,5s/^# \{0,1\}//p' "$0" >&2; exit 2; }

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "$work/countersign" "$out"
cp -a "$root/packaging/debian" "$work/countersign/debian"
cd "$work/countersign"
if [ -n "$version" ]; then
  sed -i "1s/(.*)/($version)/" debian/changelog
fi
export COUNTERSIGN_SOURCE="$root" COUNTERSIGN_BUILD="$build"
export DEB_BUILD_OPTIONS="noautodbgsym nocheck parallel=$(nproc) ${DEB_BUILD_OPTIONS:-}"
# What is built already needs nothing more of what building needs.
dpkg-buildpackage --build=binary --no-sign --unsigned-changes ${build:+--no-check-builddeps}
mv ../*.deb ../*.changes ../*.buildinfo "$out/"
