#!/bin/bash
# Builds the guest image from Debian packages, without touching this machine's own files and without root:
#   sector 0 GRUB for BIOS | FAT partition "boot": kernel, initramfs, GRUB for UEFI | ext4 partition "data"
# The whole system is in the initramfs; "data" only remembers things (boots=, as a disk does) and is what tests write to.
# Arguments: the image to make (qcow2), a directory for downloaded packages.
set -euo pipefail
image=$1 packages=$2
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d "${TMPDIR:-/tmp}/kubenova-guest.XXXXXX")
trap 'rm -rf "$work"' EXIT

kernel_package=$(apt-cache depends linux-image-cloud-amd64 | awk '/Depends: linux-image/ { print $2 }')
kernel=${kernel_package#linux-image-}

fetch() {
  # apt says "unsandboxed" when its user cannot write here: that is all right. Its progress is noise.
  (cd "$packages" && apt-get download -qq "$kernel_package" grub-common grub-pc-bin grub-efi-amd64-bin mtools \
    busybox-static qemu-guest-agent dropbear-bin libtomcrypt1 libtommath1 libnuma1 liburing2 libdevmapper1.02.1) 2>&1
}
mkdir -p "$packages"
said=$(fetch) || { echo "$said" >&2; exit 1; }

system=$work/packages
mkdir -p "$system"
for package in "$packages"/*.deb; do dpkg-deb -x "$package" "$system"; done
libraries=$system/usr/lib/x86_64-linux-gnu:$system/lib/x86_64-linux-gnu
tool() { LD_LIBRARY_PATH=$libraries "$@"; }

# --- the guest's system -------------------------------------------------------------------------------------------------
root=$work/root
mkdir -p "$root"/{bin,sbin,usr/bin,usr/sbin,lib64,etc/dropbear,proc,sys,dev,run,tmp,root,data,mnt,var/log,var/run,www}
busybox=$(find "$system" -path '*/bin/busybox')
for applet in $("$busybox" --list); do ln -s busybox "$root/bin/$applet"; done
# It lists itself too.
cp --remove-destination "$busybox" "$root/bin/busybox"
ln -s ../bin/busybox "$root/sbin/init"
ln -s ../bin/busybox "$root/sbin/modprobe"
ln -s sbin/init "$root/init"
for program in qemu-ga dropbear; do
  cp "$system/usr/sbin/$program" "$root/usr/sbin/"
  tool ldd "$system/usr/sbin/$program" | grep -o '/[^ ]*' | while read -r library; do
    mkdir -p "$root$(dirname "${library#"$system"}")"
    cp -L "$library" "$root${library#"$system"}"
  done
done
# The libraries of packages were found under $system/usr/lib or $system/lib: the loader looks in both.
cp -r "$here/etc/." "$root/etc/"
install -m 755 "$here/init.sh" "$root/etc/rc"
install -m 755 "$here"/bin/* "$root/usr/sbin/"
echo "root:$("$busybox" mkpasswd -m sha512 kubenova kubenova):19000:0:99999:7:::" >"$root/etc/shadow"
chmod 600 "$root/etc/shadow"

# Modules, each after those it needs: modules.dep has them in that order, the last one first.
"$busybox" depmod -b "$system" "$kernel"
all=$system/lib/modules/$kernel
chosen=$root/lib/modules/$kernel
mkdir -p "$chosen"
grep -v '^#' "$here/modules" | while read -r module patterns; do
  line=$(grep -E "(^|/)$module\.ko:" "$all/modules.dep") || { echo "the kernel has no module $module" >&2; exit 1; }
  for file in $(tr ' ' '\n' <<<"${line/:/}" | tac); do
    cp "$all/$file" "$chosen/"
    echo "$(basename "$file") $patterns"
  done
done >"$root/etc/modules"
cp "$all/modules.builtin" "$all/modules.order" "$chosen/"
# For mount and for devices that are plugged in later.
"$busybox" depmod -b "$root" "$kernel"
rm -f "$chosen/modules.symbols"

(cd "$root" && find . -print0 | LC_ALL=C sort -z | "$busybox" cpio -0 -o -H newc -R 0:0 2>/dev/null) | gzip -9 >"$work/initrd"
cp "$system/boot/vmlinuz-$kernel" "$work/vmlinuz"

# --- the disk -----------------------------------------------------------------------------------------------------------
cp -r "$system/usr/lib/grub" "$work/grub"
core() {
  local format=$1 output=$2
  shift 2
  tool "$system/usr/bin/grub-mkimage" -d "$work/grub/$format" -O "$format" -o "$output" -c "$here/grub.cfg" -p /grub \
    part_msdos fat linux normal search search_label echo "$@"
}
core i386-pc "$work/core.img" biosdisk
core x86_64-efi "$work/bootx64.efi" efi_gop

kib() { echo $((($(stat -c %s "$1") + 1023) / 1024)); }
boot_mib=$((($(kib "$work/vmlinuz") + $(kib "$work/initrd") + $(kib "$work/bootx64.efi")) / 1024 + 2))
data_mib=16
tool "$system/usr/bin/mformat" -C -i "$work/boot.fat" -T $((boot_mib * 2048)) -v KNBOOT ::
tool "$system/usr/bin/mmd" -i "$work/boot.fat" ::/EFI ::/EFI/BOOT
tool "$system/usr/bin/mcopy" -i "$work/boot.fat" "$work/vmlinuz" "$work/initrd" ::/
tool "$system/usr/bin/mcopy" -i "$work/boot.fat" "$work/bootx64.efi" ::/EFI/BOOT/BOOTX64.EFI
truncate -s "${data_mib}M" "$work/data.ext4"
mkfs.ext4 -q -L kn-data -O ^has_journal -m 0 "$work/data.ext4"

disk=$work/disk.raw
truncate -s "$((1 + boot_mib + data_mib))M" "$disk"
# One entry of a partition table: boot flag, no CHS, type, first sector, sectors; numbers are little-endian.
entry() { printf '%b' "$(printf '\\x%02x\\x00\\x00\\x00\\x%02x\\x00\\x00\\x00' "$1" "$2")$(le32 "$3")$(le32 "$4")"; }
le32() { printf '\\x%02x\\x%02x\\x%02x\\x%02x' $(($1 & 255)) $(($1 >> 8 & 255)) $(($1 >> 16 & 255)) $(($1 >> 24 & 255)); }
write() { dd of="$disk" bs=512 seek="$1" conv=notrunc status=none; }
head -c 440 "$work/grub/i386-pc/boot.img" | write 0
{
  entry 128 0xef 2048 $((boot_mib * 2048))
  entry 0 0x83 $((2048 + boot_mib * 2048)) $((data_mib * 2048))
} | dd of="$disk" bs=1 seek=446 conv=notrunc status=none
printf '\x55\xaa' | dd of="$disk" bs=1 seek=510 conv=notrunc status=none
# GRUB's first sector looks for the rest in sector 1, where grub-mkimage expects it to be.
write 1 <"$work/core.img"
write 2048 <"$work/boot.fat"
write $((2048 + boot_mib * 2048)) <"$work/data.ext4"
mkdir -p "$(dirname "$image")"
qemu-img convert -f raw -O qcow2 "$disk" "$image.new"
mv "$image.new" "$image"
