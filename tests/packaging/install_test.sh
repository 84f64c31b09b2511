#!/usr/bin/env bash
# The Debian package on a clean Debian 12: installed, set up by the README's commands, run by systemd behind nginx with TLS,
# enrolled at by scepclient, upgraded, removed, purged. Needs root, and the programs in build/release.
#
# The clean root is made by mmdebstrap and booted by systemd-nspawn without a network; it and the package go to build/packaging.
# A root that is there already is used again: remove the file to have a new one made.
set -euo pipefail
cd "$(dirname "$0")/../.."
source_root=$PWD
work="$source_root/build/packaging"
base="$work/root.tar"
machine="countersign-test-$$"
root="$work/$machine"
passed=0

say() { printf '\n-- %s\n' "$*"; }
ok() { passed=$((passed + 1)); echo "ok: $*"; }
die() { echo "FAILED: $*" >&2; exit 1; }

[ "$(id -u)" -eq 0 ] || die "this test installs a package in a root of its own: run it as root"
mkdir -p "$work"
container=""
finish() {
  local code=$?
  if [ "$code" -ne 0 ] && [ -n "$container" ]; then
    inside journalctl --no-pager -u countersignd -u nginx | tail -n 60 >&2 || true
  fi
  if [ -n "$container" ]; then
    kill -RTMIN+4 "$leader" 2>/dev/null || true   # poweroff
    for _ in $(seq 100); do kill -0 "$container" 2>/dev/null || break; sleep 0.2; done
    kill "$container" 2>/dev/null || true
    wait "$container" 2>/dev/null || true
  fi
  rm -rf --one-file-system "$root"
  exit "$code"
}
trap finish EXIT

inside() { nsenter --target "$leader" --mount --uts --ipc --net --pid --wdns=/ -- env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin \
  HOME=/root LANG=C.UTF-8 DEBIAN_FRONTEND=noninteractive "$@"; }
# Fails when the command succeeds.
refused() { if inside "$@"; then return 1; fi; }

say "the package"
rm -f "$work"/*.deb "$work"/*.changes "$work"/*.buildinfo
packaging/build-deb.sh --build build/release --out "$work" >"$work/build.log" 2>&1 || { tail -n 30 "$work/build.log"; die "it does not build"; }
first=$(ls "$work"/countersign_*.deb)
lintian --fail-on error,warning "$work"/countersign_*.changes || die "lintian complains"
ok "it builds and lintian has nothing to say"

# The same again under a later version.
unpacked="$work/unpacked"
rm -rf "$unpacked"
dpkg-deb -R "$first" "$unpacked"
sed -i 's/^Version: .*/&+later/' "$unpacked/DEBIAN/control"
second="$work/later.deb"
dpkg-deb --root-owner-group -b "$unpacked" "$second" >/dev/null
rm -rf "$unpacked"

say "a clean root"
if [ ! -f "$base" ]; then
  mmdebstrap --quiet --format=tar --variant=minbase --skip=cleanup/apt/lists \
    --include=systemd-sysv,dbus,nginx-light,scep,openssl,curl,ca-certificates,python3-minimal bookworm "$base.new"
  mv "$base.new" "$base"
fi
mkdir -p "$root"
tar -C "$root" -xf "$base"
cp "$first" "$root/root/first.deb"
cp "$second" "$root/root/second.deb"
# What the package depends on is fetched now: the booted root has no network.
chroot "$root" env DEBIAN_FRONTEND=noninteractive apt-get install -qq --no-install-recommends --download-only /root/first.deb >/dev/null
ok "a root with what the package depends on at hand"

say "boot"
systemd-nspawn --quiet -D "$root" --boot --register=no --keep-unit --console=pipe -M "$machine" --private-network --capability=CAP_IPC_LOCK \
  </dev/null >"$work/boot.log" 2>&1 &
container=$!
leader=""
for _ in $(seq 300); do
  leader=$(ps -o pid= --ppid "$container" | tr -d " " | head -n 1) || true
  [ -n "$leader" ] && [ "$(inside systemctl is-system-running 2>/dev/null || true)" = running ] && break
  kill -0 "$container" 2>/dev/null || die "systemd-nspawn ended: $(cat "$work/boot.log")"
  sleep 0.5
done
[ "$(inside systemctl is-system-running || true)" = running ] || die "systemd does not come up"
ok "systemd runs in it"

say "install"
inside apt-get install -qq --no-install-recommends /root/first.deb >"$work/install.log" 2>&1 || { tail "$work/install.log"; die "apt cannot install it"; }
inside id countersign >/dev/null
[ "$(inside stat -c '%a %U' /var/lib/countersign)" = "700 countersign" ]
inside sh -c 'man=/usr/share/man; test -s $man/man1/countersign.1.gz -a -s $man/man5/countersign.toml.5.gz -a -s $man/man8/countersignd.8.gz'
inside bash -c '. /usr/share/bash-completion/completions/countersign; COMP_WORDS=(countersign ch); COMP_CWORD=1; _countersign
  [ "${COMPREPLY[*]}" = "challenge check" ]'
inside bash -c '. /usr/share/bash-completion/completions/countersign; COMP_WORDS=(countersign challenge new --sub); COMP_CWORD=3; _countersign
  [ "${COMPREPLY[*]}" = "--subject" ]'
ok "user, directory, manuals and completion are there"
[ "$(inside systemctl is-enabled countersignd || true)" = disabled ]
refused systemctl start countersignd 2>/dev/null
inside journalctl --no-pager -u countersignd | grep -q 'nothing is configured here yet; make an instance' || die "it does not say what to do"
inside systemctl reset-failed countersignd
ok "unconfigured, it refuses to start and says what to do"

say "set up, by the commands of docs/installation.md"
commands() { sed -n "/^<!-- test: $1 -->\$/,/^\`\`\`\$/p" docs/installation.md | sed '1,2d;/^```$/d'; }
[ -n "$(commands setup)" ] || die "docs/installation.md has no commands"
inside sh -exc "$(commands setup)" >"$work/setup.log" 2>&1 || { cat "$work/setup.log"; die "they fail"; }
inside systemctl is-active --quiet countersignd
inside countersign check --config /etc/countersign/countersign.toml
exposure=$(inside systemd-analyze security --no-pager countersignd | sed -n 's/.*exposure level for .*: \([0-9.]*\) .*/\1/p')
inside systemd-analyze security --no-pager --threshold=12 countersignd >/dev/null || die "exposure $exposure"
[ "$(inside stat -c '%a %U %G' /etc/countersign/countersign.toml)" = "640 root countersign" ]
pid=$(inside systemctl show -P MainPID countersignd)
inside grep -q '^CapEff:[[:space:]]*0000000000000000$' "/proc/$pid/status"
inside grep -q '^Seccomp:[[:space:]]*2$' "/proc/$pid/status"
if inside grep -Eq '^Max locked memory +unlimited' "/proc/$pid/limits"; then
  inside grep -Eq '^VmLck:[[:space:]]*[1-9]' "/proc/$pid/status" || die "the daemon's memory is not locked"
else
  echo "SKIPPED: nobody may raise RLIMIT_MEMLOCK on this machine, so that the daemon's memory cannot be locked"
fi
refused countersign init /var/lib/other --config /etc/countersign/countersign.toml 2>/dev/null
ok "it runs hardened (exposure $exposure), without capabilities"

say "what the sandbox refuses"
g++ -std=c++20 -static -O1 -Wall -Wextra -Werror -o "$root/usr/local/bin/sandbox-probe" tests/packaging/sandbox_probe.cpp
unit=$(inside systemctl show -P FragmentPath countersignd)
inside sed -e 's/^Type=.*/Type=oneshot/; s#^ExecStart=.*#ExecStart=/usr/local/bin/sandbox-probe --in-the-container#' \
  -e '/^\(NotifyAccess\|ExecReload\|Restart\|RestartSec\|WatchdogSec\|WantedBy\|RuntimeDirectory\|RuntimeDirectoryMode\)=/d' "$unit" >"$root/run-sandbox-probe.service"
inside sh -c 'mv /run-sandbox-probe.service /run/systemd/system/sandbox-probe.service && systemctl daemon-reload'
inside systemctl start sandbox-probe || { inside journalctl --no-pager -o cat -u sandbox-probe; die "the sandbox allows what it should not, or not what it should"; }
inside journalctl --sync
tried=$(inside journalctl --no-pager -o cat -u sandbox-probe | sed -n 's/^0 went through that should not, \([0-9]*\) refused$/\1/p')
[ "${tried:-0}" -gt 25 ] || die "the probe said nothing"
if inside systemd-run --quiet --wait --pipe /usr/local/bin/sandbox-probe --in-the-container >"$work/probe.log"; then die "the probe finds nothing without a sandbox"; fi
[ "$(grep -c 'WENT THROUGH' "$work/probe.log")" -gt 15 ] || { cat "$work/probe.log"; die "without a sandbox most of it must go through"; }
ok "$tried tries of an intruder are refused"

say "nginx with TLS, by the commands of docs/installation.md"
inside sh -c 'echo 127.0.0.1 scep.example.com >>/etc/hosts'
inside sh -exc "$(commands nginx)" >"$work/nginx.log" 2>&1 || { cat "$work/nginx.log"; die "they fail"; }
inside sh -c 'cp /etc/nginx/tls/scep.pem /usr/local/share/ca-certificates/scep.crt && update-ca-certificates >/dev/null 2>&1'
enroll() {
  local challenge
  challenge=$(inside countersign challenge new --config /etc/countersign/countersign.toml)
  inside mkdir "/root/$1"   # the client keeps its request beside its key
  inside scepclient -server-url https://scep.example.com/certsrv/mscep/mscep.dll -private-key "/root/$1/key.pem" \
    -certificate "/root/$1/certificate.pem" -cn "$1" -challenge "$challenge" >"$work/scepclient.log" 2>&1 || { cat "$work/scepclient.log"; die "$1 does not enroll"; }
  inside openssl x509 -in "/root/$1/certificate.pem" -noout -subject | grep -q "$1"
}
enroll first-device
refused curl -sf https://scep.example.com/countersign/ >/dev/null
[ "$(inside curl -s -o /dev/null -w '%{http_code}' --cert /root/admin.pem --key /root/admin.key https://scep.example.com:8443/countersign/)" = 401 ]
ok "scepclient enrolls through it by HTTPS, and the console asks who is there"

say "reload, credentials, socket activation"
inside systemctl reload countersignd
inside sh -ec 'install -d -m 0700 /etc/credstore && mv /var/lib/countersign/secrets/pepper /etc/credstore/countersign.pepper
  mkdir -p /etc/systemd/system/countersignd.service.d
  printf "[Service]\nLoadCredential=pepper:/etc/credstore/countersign.pepper\n" >/etc/systemd/system/countersignd.service.d/pepper.conf
  sed -i "s#^pepper = .*#pepper = \"credential:pepper\"#; s#^address = .*#address = \"systemd:http\"#" /etc/countersign/countersign.toml
  systemctl daemon-reload; systemctl stop countersignd; systemctl enable --now countersignd.socket; systemctl start countersignd'
inside systemctl is-active --quiet countersignd
enroll second-device
ok "the pepper is a credential, and systemd holds the socket"
inside sh -ec 'mkdir -p /run/t && for f in /usr/share/doc/countersign/examples/countersignd.service.d/*.conf; do
  sed "/LoadCredentialEncrypted/d" $f >/run/t/$(basename $f); mkdir -p /run/systemd/system/countersignd.service.d
  cp /run/t/$(basename $f) /run/systemd/system/countersignd.service.d/; systemctl daemon-reload
  systemd-analyze verify --man=no --recursive-errors=no countersignd.service; rm /run/systemd/system/countersignd.service.d/*; done; systemctl daemon-reload'
ok "the drop-ins for HSMs are well formed"
inside sh -ec 'logrotate=/etc/logrotate.d/countersign; test -s $logrotate; grep -q "su countersign countersign" $logrotate'

say "upgrade"
before=$(inside countersign certificate list --config /etc/countersign/countersign.toml --json | sha256sum)
old_pid=$(inside systemctl show -P MainPID countersignd)
inside dpkg -i /root/second.deb >"$work/upgrade.log" 2>&1 || { cat "$work/upgrade.log"; die "it cannot be upgraded"; }
inside systemctl is-active --quiet countersignd
[ "$(inside systemctl show -P MainPID countersignd)" != "$old_pid" ] || die "the old program still runs"
[ "$(inside countersign certificate list --config /etc/countersign/countersign.toml --json | sha256sum)" = "$before" ]
enroll third-device
ok "everything is there after an upgrade, and the service was restarted"

say "remove and purge"
inside dpkg -r countersign >"$work/remove.log" 2>&1 || { cat "$work/remove.log"; die "it cannot be removed"; }
refused systemctl is-active --quiet countersignd
inside test -f /var/lib/countersign/countersign.db -a -s /etc/countersign/countersign.toml
ok "removing keeps state and configuration"
inside dpkg -P countersign >"$work/purge.log" 2>&1 || { cat "$work/purge.log"; die "it cannot be purged"; }
refused test -e /var/lib/countersign
refused test -e /etc/countersign
refused test -e /etc/apparmor.d/usr.sbin.countersignd
ok "purging leaves nothing"

printf '\n%s passed, 0 failed\n' "$passed"
