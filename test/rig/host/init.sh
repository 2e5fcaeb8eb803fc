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
# As udev has it, where it is: for the group of QEMU's user. Were it root's alone, libvirt would take what it knows of QEMU for
# outdated each time it looks, and ask QEMU anew: a dozen times, in ten seconds, for each domain that is defined.
if [ -c /dev/kvm ]; then
  mkdir -p "$dir/dev"
  mount -t tmpfs -o mode=755 dev "$dir/dev"
  cp --archive /dev/kvm "$dir/dev/kvm"
  chown root:kvm "$dir/dev/kvm"
  chmod 660 "$dir/dev/kvm"
  mount --bind "$dir/dev/kvm" /dev/kvm
fi
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
