#!/bin/bash
# Puts itself into a cgroup of its own in each hierarchy. Then runs node.sh inside a host, in a cgroup namespace whose
# root is this cgroup: two kubelets in one tree of cgroups would remove each other's Pods.
# Arguments: the name of the cgroup, the pid of the host's process 1, then those of node.sh.
set -euo pipefail
name=$1 pid=$2
shift 2
if [ -e /sys/fs/cgroup/cgroup.controllers ]; then
  echo "hosts with kubelets need a machine with cgroup version 1; this one has version 2" >&2
  exit 1
fi
for controller in cpu cpuacct cpuset memory devices freezer blkio pids systemd; do
  parent=/sys/fs/cgroup/$controller
  mkdir -p "$parent/$name"
  # A new cpuset has no CPU and no memory node, and takes no process.
  if [ "$controller" = cpuset ]; then
    cat "$parent/cpuset.cpus" >"$parent/$name/cpuset.cpus"
    cat "$parent/cpuset.mems" >"$parent/$name/cpuset.mems"
  fi
  echo $$ >"$parent/$name/cgroup.procs"
done
exec nsenter --target "$pid" --mount --uts --net --pid --wdns=/ -- unshare --cgroup "$(dirname "$0")/node.sh" "$@"
