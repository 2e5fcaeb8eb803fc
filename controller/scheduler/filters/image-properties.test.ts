import { expect, test } from 'vitest'
import { type HostOverrides, makeHostView, makeRequest } from '../testing.ts'
import { imagePropertiesFilter } from './image-properties.ts'

function verdict(properties: Record<string, string>, overrides: HostOverrides = {}): true | string {
  const host = makeHostView('h', overrides)
  const filter = imagePropertiesFilter.prepare(makeRequest({ image: { properties } }))
  return filter === undefined || filter.passes(host) || filter.reject(host).detail
}

const kvm = { qemuVersion: '6.0.0' }

// The cases of architecture, hypervisor type, VM mode and version are those of Nova's test_image_props_filters.py.
test.each([
  [{}, kvm, true],
  [
    { hw_architecture: 'x86_64', img_hv_type: 'kvm', hw_vm_mode: 'hvm', img_hv_requested_version: '>=6.0,<6.2' },
    kvm,
    true,
  ],
  [{ architecture: 'armv7', hypervisor_type: 'qemu' }, kvm, 'need hw_architecture armv7, has x86_64'],
  [{ img_hv_requested_version: '>=6.2' }, kvm, 'need img_hv_requested_version >=6.2, has 6.0.0'],
  [{ hypervisor_version_requires: '>=6.0' }, { qemuVersion: '' }, true],
  [{ hw_architecture: 'x86_64', hw_vm_mode: 'hvm' }, kvm, true],
  [{ hw_vm_mode: 'xen' }, kvm, 'need hw_vm_mode xen, has hvm'],
  [{ vm_mode: 'pv' }, kvm, 'need hw_vm_mode pv, has hvm'],
  [{ vm_mode: 'hv' }, kvm, true],
  [{ hw_vm_mode: 'baremetal' }, kvm, true],
  [{ architecture: 'x86_32' }, kvm, true],
  [{ hw_architecture: 'amd64' }, kvm, true],
  [{ hw_architecture: 'aarch64' }, { arch: 'x86_64' }, 'need hw_architecture aarch64, has x86_64'],
  [{ hw_architecture: 'i686' }, { arch: 'aarch64' }, 'need hw_architecture i686, has aarch64'],
  [{ hypervisor_type: 'xapi' }, kvm, 'need img_hv_type xapi, has kvm'],
  [{ img_hv_type: 'qemu' }, kvm, true],
  [{ img_hv_type: 'kvm' }, { domainType: 'qemu' as const }, 'need img_hv_type kvm, has qemu'],
  [{ hw_architecture: 'x86_64' }, { unreported: true }, 'need hw_architecture x86_64, it reports none'],
  [{ hw_machine_type: 'q35' }, {}, true],
  [{ hw_machine_type: 'pc-q35-9.0' }, {}, 'need hw_machine_type pc-q35-9.0, has pc, q35'],
  [{ hw_firmware_type: 'uefi' }, { firmware: ['bios' as const] }, 'need hw_firmware_type uefi, has bios'],
  [{ hw_firmware_type: 'uefi' }, {}, true],
  [{ hw_disk_bus: 'ide' }, {}, 'need hw_disk_bus ide, has virtio, scsi, sata'],
  [{ hw_disk_bus: 'scsi', hw_vif_model: 'e1000' }, {}, true],
  [{ hw_vif_model: 'rtl8139' }, {}, 'need hw_vif_model rtl8139, has virtio, e1000'],
  [{ hw_cdrom_bus: 'ide' }, {}, 'need hw_cdrom_bus ide, has virtio, scsi, sata'],
  [{ hw_cdrom_bus: 'sata', hw_scsi_model: 'virtio-scsi' }, {}, true],
  [{ hw_scsi_model: 'lsilogic' }, {}, 'need hw_scsi_model lsilogic, has virtio-scsi'],
  [{ hw_emulation_architecture: 'aarch64' }, {}, 'need hw_emulation_architecture aarch64, has x86_64'],
  [{ hw_emulation_architecture: 'x86_64' }, {}, true],
  [{ os_distro: 'debian', hw_disk_bus: '' }, {}, true],
])('ImagePropertiesFilter: %j on a host with %j: %s', (properties, overrides, expected) => {
  expect(verdict(properties as Record<string, string>, overrides)).toBe(expected)
})
