#!/bin/bash
# Process 1 of a libvirt host. It runs in new mount, UTS, network and PID namespaces, mounts the directories of the host
# there, sets the host's name, writes $1/ready, and then only reaps processes that have ended. When it is killed, the
# kernel ends all processes in the namespaces.
# Arguments: the host's directory, its name, the hosts file that all hosts of a cloud share.
set -euo pipefail
dir=$1 name=$2 hosts=$3

# /proc is still that of the outer PID namespace, so this process can learn its outer pid only now.
read -r outer _ </proc/self/stat

mount --make-rprivate /
hostname "$name"
for target in /etc/libvirt /var/lib/libvirt /var/log/libvirt /var/cache/libvirt /var/lib/kubenova; do
  mkdir -p "$dir$target" "$target"
  mount --bind "$dir$target" "$target"
done
mount --bind "$hosts" /etc/hosts
mount -t proc proc /proc
# A /sys shows the network devices of the network namespace in which it was mounted.
mount -t sysfs sysfs /sys
# Give the group of QEMU's user access to /dev/kvm, as udev would. If only root had access, libvirt would take its cached
# capabilities of QEMU for outdated at each use, and probe QEMU a dozen times (ten seconds) for each definition.
if [ -c /dev/kvm ]; then
  mkdir -p "$dir/dev"
  mount -t tmpfs -o mode=755 dev "$dir/dev"
  cp --archive /dev/kvm "$dir/dev/kvm"
  chown root:kvm "$dir/dev/kvm"
  chmod 660 "$dir/dev/kvm"
  mount --bind "$dir/dev/kvm" /dev/kvm
fi
# /run is mounted last, because mount(8) keeps a lock file there.
# libvirt locks consoles in /var/lock, which is /run/lock.
mkdir -p "$dir/run/lock"
mount --bind "$dir/run" /run
ip link set lo up

echo "$outer" >"$dir/ready.new"
mv "$dir/ready.new" "$dir/ready"

# A waiting shell reaps the orphans that become its children, such as QEMU after libvirtd was killed.
while :; do
  sleep infinity &
  wait $!
done
