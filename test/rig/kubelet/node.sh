#!/bin/bash
# Makes a host a node: mounts its cgroups and directories, and starts containerd, kubelet and kube-proxy. When one of
# them ends, ends the others and itself.
# Arguments: the host's directory, the host's address, and the paths of kubelet and kube-proxy.
set -euo pipefail
dir=$1 address=$2 kubelet=$3 proxy=$4
trap 'kill $(jobs -p) 2>/dev/null' EXIT

# /run is empty after each boot of the host, as its mounts are gone then.
if [ ! -e /run/node-is-mounted ]; then
  # The sysfs that init.sh mounts on /sys hides the machine's cgroups.
  mount -t tmpfs -o mode=755 cgroup /sys/fs/cgroup
  for controller in cpu cpuacct cpuset memory devices freezer blkio pids; do
    mkdir -p "/sys/fs/cgroup/$controller"
    mount -t cgroup -o "$controller" cgroup "/sys/fs/cgroup/$controller"
  done
  mkdir -p /sys/fs/cgroup/systemd
  mount -t cgroup -o none,name=systemd cgroup /sys/fs/cgroup/systemd
  # Images are in memory: on a disk, their import and their removal took ten times as long.
  mkdir -p /var/lib/containerd
  mount -t tmpfs -o mode=711 images /var/lib/containerd
  for target in /var/lib/kubelet /var/lib/cni /etc/cni/net.d /etc/containerd /var/log/pods /var/log/containers; do
    mkdir -p "$dir$target" "$target"
    mount --bind "$dir$target" "$target"
  done
  # Kubernetes' mountPropagation needs shared mounts, as systemd makes them.
  mount --make-rshared /
  touch /run/node-is-mounted
fi
sysctl -qw net.ipv4.ip_forward=1

containerd >>"$dir/containerd.log" 2>&1 &
until ctr version >/dev/null 2>&1; do sleep 0.1; done
"$kubelet" --kubeconfig=/var/lib/kubelet/kubeconfig --config=/var/lib/kubelet/config.yaml \
  --hostname-override="$(hostname)" --node-ip="$address" >>"$dir/kubelet.log" 2>&1 &
"$proxy" --config=/var/lib/kubelet/proxy.yaml --hostname-override="$(hostname)" >>"$dir/kube-proxy.log" 2>&1 &
wait -n
