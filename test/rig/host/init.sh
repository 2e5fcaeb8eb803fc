#!/bin/bash
# Process 1 of a libvirt host: runs in new mount, UTS, network and PID namespaces, gives them the host's own directories
# and name, says so in $1/ready, and then only reaps. When it is killed the kernel ends everything in the namespaces.
# Arguments: the host's directory, its name, the hosts file that all hosts of a cloud share.
set -euo pipefail
dir=$1 name=$2 hosts=$3

# /proc still is the one of the outer PID namespace: the only place where this process can learn its outer pid.
read -r outer _ </proc/self/stat

mount --make-rprivate /
hostname "$name"
for target in /etc/libvirt /var/lib/libvirt /var/log/libvirt /var/cache/libvirt /var/lib/kubenova; do
  mkdir -p "$dir$target" "$target"
  mount --bind "$dir$target" "$target"
done
mount --bind "$hosts" /etc/hosts
mount -t proc proc /proc
# Network devices show in the /sys of the network namespace that mounted it.
mount -t sysfs sysfs /sys
# /run last: mount(8) keeps a lock file there.
# libvirt locks consoles in /var/lock, which is /run/lock.
mkdir -p "$dir/run/lock"
mount --bind "$dir/run" /run
ip link set lo up

echo "$outer" >"$dir/ready.new"
mv "$dir/ready.new" "$dir/ready"

# A shell that waits reaps the orphans it is given, QEMU after a kill of libvirtd among them.
while :; do
  sleep infinity &
  wait $!
done
