#!/bin/bash
# What a fresh Debian machine lacks to build, run and test Kubenova, and nothing else: Debian packages, npm packages,
# control-plane binaries, guest image. Says what it does; says and does nothing where all is there.
set -euo pipefail
cd "$(dirname "$0")/.."

packages=(
  libvirt-daemon-system libvirt-daemon-driver-qemu libvirt-clients # hosts
  qemu-system-x86 qemu-utils ovmf
  iproute2 nftables dnsmasq-base                                   # their networks
  busybox-static e2fsprogs openssl python3-minimal xorriso         # guest image, tests
  libfaketime                                                      # tests: clocks that jump
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
  # Warnings are not shown: the Node of this machine may be older than package.json asks for, and nothing of ours runs with it.
  npm ci --no-audit --no-fund --loglevel=error
fi

exec node_modules/.bin/node test/rig/cli.ts setup
