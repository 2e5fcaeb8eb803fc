#!/bin/sh
# What the guest does once at boot: devices, the config drive, the network, the user's script; then it says what it found
# in one line that tests read:
#   KUBENOVA-GUEST hostname=web-1 uuid=… keys=1 address=10.0.0.5/24 userdata=ok boots=1 disk=1073741824 cpus=1 memory=…
export PATH=/usr/sbin:/usr/bin:/sbin:/bin
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs dev /dev
mkdir -p /dev/pts /dev/shm
mount -t devpts devpts /dev/pts
mount -t tmpfs tmpfs /run
ln -sfn /run /var/run

# Drivers for the devices that are there. Reading /sys with the shell's own read, and insmod rather than modprobe: under
# emulation every process and every table that is searched costs tens of milliseconds.
pci=
for device in /sys/bus/pci/devices/*; do
  read -r vendor <"$device/vendor" && read -r product <"$device/device" && read -r class <"$device/class"
  pci="$pci $vendor:$product:$class"
done
wanted() {
  [ $# = 0 ] && return 0
  for pattern in "$@"; do
    for device in $pci; do
      # shellcheck disable=SC2254 # it is a pattern
      case $device in $pattern) return 0 ;; esac
    done
  done
  return 1
}
set -f
cd "/lib/modules/$(uname -r)" || exit
loaded=' '
while read -r module patterns; do
  # shellcheck disable=SC2086 # a list
  if wanted $patterns; then
    case $loaded in *" $module "*) continue ;; esac
    loaded="$loaded$module "
    insmod "$module"
  fi
done </etc/modules
cd /
set +f

ip link set lo up

# Disks show up some milliseconds after their driver; the guest booted from one, so it must come, if it is not a live CD.
find_label() { findfs "LABEL=$1" 2>/dev/null; }
tries=0
until data=$(find_label kn-data) || [ $tries -ge 100 ]; do
  tries=$((tries + 1))
  usleep 20000
done
boots=0
disk=0
if [ -n "$data" ] && mount -t ext4 "$data" /data; then
  boots=$(($(cat /data/boots 2>/dev/null || echo 0) + 1))
  echo $boots >/data/boots
  sync
  disk=$(($(cat "/sys/class/block/$(basename "$(readlink -f "/sys/class/block/${data#/dev/}/..")")/size") * 512))
fi

# --- config drive -------------------------------------------------------------------------------------------------------
config=/mnt/openstack/latest
drive=$(find_label config-2)
[ -n "$drive" ] && { mount -o ro -t iso9660 "$drive" /mnt 2>/dev/null || mount -o ro -t vfat "$drive" /mnt; }
[ -e $config/meta_data.json ] && json <$config/meta_data.json >/run/meta
[ -e $config/network_data.json ] && json <$config/network_data.json >/run/network
touch /run/meta /run/network
value() { sed -n "s|^$2=||p" "/run/$1" | head -n 1; }

hostname=$(value meta hostname)
[ -n "$hostname" ] || hostname=$(value meta name)
hostname "${hostname:-guest}"
hostname >/etc/hostname
uuid=$(value meta uuid)

mkdir -p -m 700 /root/.ssh
sed -n 's|^public_keys\.[^=]*=||p' /run/meta | sed '/^$/d' >/root/.ssh/authorized_keys
chmod 600 /root/.ssh/authorized_keys
keys=$(wc -l </root/.ssh/authorized_keys)

# --- network, user data -------------------------------------------------------------------------------------------------
for device in /sys/class/net/*; do
  [ -e "$device/device" ] && nic "${device##*/}"
done
address=$(ip -4 -o address show scope global | awk '{ printf "%s%s", sep, $4; sep = "," }')

userdata=none
if [ -s $config/user_data ]; then
  cp $config/user_data /run/user_data
  if [ "$(head -c 2 /run/user_data)" = '#!' ]; then
    chmod +x /run/user_data
    if /run/user_data >/dev/ttyS0 2>&1; then userdata=ok; else userdata=failed:$?; fi
  else
    userdata=ignored
  fi
fi
echo "$hostname $uuid" >/www/index.html

memory=$(($(sed -n 's/^MemTotal: *\([0-9]*\).*/\1/p' /proc/meminfo) * 1024))
line="KUBENOVA-GUEST hostname=$(hostname) uuid=${uuid:-none} keys=$keys address=${address:-none} userdata=$userdata"
line="$line boots=$boots disk=$disk cpus=$(nproc) memory=$memory up=$(cut -d ' ' -f 1 /proc/uptime)"
echo "$line" >/dev/ttyS0
echo "$line" >/run/report
