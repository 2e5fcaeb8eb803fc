#!/bin/bash
# Installs all that a fresh Debian machine needs to build, run and test Kubenova: Debian packages, npm packages,
# control-plane binaries and the guest image. It does and prints nothing if all of it is installed.
set -euo pipefail
cd "$(dirname "$0")/.."

packages=(
  libvirt-daemon-system libvirt-daemon-driver-qemu libvirt-clients # for hosts
  qemu-system-x86 qemu-utils ovmf
  iproute2 nftables dnsmasq-base                                   # for networks of hosts
  busybox-static e2fsprogs openssl python3-minimal xorriso         # for the guest image and tests
  libfaketime                                                      # for tests in which clocks jump
  lua5.1                                                           # for tests of the scripts of Argo CD
  python3-venv                                                     # for OpenStack's clients
)

missing=()
for package in "${packages[@]}"; do
  [ "$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null)" = installed ] || missing+=("$package")
done
if [ ${#missing[@]} -gt 0 ]; then
  echo "setup: installing Debian packages: ${missing[*]}"
  sudo=()
  [ "$(id -u)" = 0 ] || sudo=(sudo)
  export DEBIAN_FRONTEND=noninteractive
  "${sudo[@]}" apt-get update -qq
  "${sudo[@]}" apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
fi

# npm writes this file at the end of every installation.
installed=node_modules/.package-lock.json
if [ ! -x node_modules/.bin/node ] || [ ! -e "$installed" ] || [ package-lock.json -nt "$installed" ]; then
  echo "setup: npm packages"
  # npm's warnings are hidden: the machine's own Node, which only runs npm here, may be older than package.json
  # requires.
  npm ci --no-audit --no-fund --loglevel=error
fi

exec node_modules/.bin/node test/rig/cli.ts setup
