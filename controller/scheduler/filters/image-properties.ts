/**
 * ImagePropertiesFilter: the host must support the image's properties. Nova's filter checks only architecture,
 * hypervisor type and version, and VM mode. Nova turns some of the other properties into traits; the rest make the
 * build on the host fail.
 */
import type { Filter } from '../filter.ts'
import type { HostClass } from '../host-view.ts'
import { supportsMachineType } from '../machine-type.ts'
import { versionSatisfies } from '../version-predicate.ts'

interface PropertyRule {
  /** The property's name in Glance. */
  readonly property: string
  /** The property's former name in Glance, which images may still use. */
  readonly formerName?: string
  /** The host's value for the message of a rejection; undefined if the host reports none. */
  readonly describe: (host: HostClass) => string | undefined
  readonly supports: (host: HostClass, value: string) => boolean
}

const architectureAliases: Readonly<Record<string, string>> = { x86_32: 'i686', i386: 'i686', amd64: 'x86_64' }
const canonicalArchitecture = (value: string) => architectureAliases[value.toLowerCase()] ?? value.toLowerCase()

/** An x86_64 host can also run 32-bit guests. */
function supportsArchitecture(host: HostClass, value: string): boolean {
  const wanted = canonicalArchitecture(value)
  return host.arch === wanted || (host.arch === 'x86_64' && wanted === 'i686')
}

/** A KVM host also supports the hypervisor type qemu, which is emulation; a host without KVM does not support kvm. */
function supportsHypervisorType(host: HostClass, value: string): boolean {
  const wanted = value.toLowerCase()
  return wanted === host.domainType || (wanted === 'qemu' && host.domainType === 'kvm')
}

const joinOrNone = (values: readonly string[]) => (values.length > 0 ? values.join(', ') : undefined)

const rules: readonly PropertyRule[] = [
  {
    property: 'hw_architecture',
    formerName: 'architecture',
    describe: (h) => h.arch,
    supports: supportsArchitecture,
  },
  {
    property: 'img_hv_type',
    formerName: 'hypervisor_type',
    describe: (h) => h.domainType,
    supports: supportsHypervisorType,
  },
  {
    property: 'hw_vm_mode',
    formerName: 'vm_mode',
    describe: () => 'hvm',
    supports: (_, value) => ['hvm', 'hv', 'baremetal'].includes(value.toLowerCase()),
  },
  {
    property: 'img_hv_requested_version',
    formerName: 'hypervisor_version_requires',
    describe: (h) => (h.version === 0 ? undefined : formatVersion(h.version)),
    // As in Nova, a host that does not report its version passes.
    supports: (h, value) => h.version === 0 || versionSatisfies(h.version, value),
  },
  {
    property: 'hw_machine_type',
    describe: (h) => joinOrNone(h.machineTypes),
    supports: (h, value) => supportsMachineType(h.machineTypes, h.version, value),
  },
  {
    property: 'hw_firmware_type',
    describe: (h) => joinOrNone(h.firmware),
    supports: (h, value) => h.firmware.includes(value),
  },
  {
    property: 'hw_disk_bus',
    describe: (h) => joinOrNone(h.diskBuses),
    supports: (h, value) => h.diskBuses.includes(value),
  },
  {
    property: 'hw_cdrom_bus',
    describe: (h) => joinOrNone(h.diskBuses),
    supports: (h, value) => h.diskBuses.includes(value),
  },
  {
    property: 'hw_vif_model',
    describe: (h) => joinOrNone(h.vifModels),
    supports: (h, value) => h.vifModels.includes(value),
  },
  {
    // The agent gives guests only this SCSI controller. A guest without a driver for it would not find its disk.
    property: 'hw_scsi_model',
    describe: () => 'virtio-scsi',
    supports: (_, value) => value === 'virtio-scsi',
  },
  {
    property: 'hw_emulation_architecture',
    describe: (h) => h.arch,
    supports: (h, value) => h.arch === canonicalArchitecture(value),
  },
]

/** Converts 7002001 to '7.2.1'. */
function formatVersion(version: number): string {
  return [Math.floor(version / 1_000_000), Math.floor(version / 1000) % 1000, version % 1000].join('.')
}

export const imagePropertiesFilter: Filter = {
  name: 'ImagePropertiesFilter',
  scope: 'class',
  prepare({ image: { properties = {} } }) {
    const required = rules.flatMap((rule) => {
      const value =
        properties[rule.property] ?? (rule.formerName === undefined ? undefined : properties[rule.formerName])
      return value === undefined || value === '' ? [] : [{ rule, value }]
    })
    if (required.length === 0) return undefined
    const findUnmet = (host: HostClass) => required.find(({ rule, value }) => !rule.supports(host, value))
    return {
      passes: (host) => findUnmet(host) === undefined,
      reject(host) {
        const unmet = findUnmet(host)
        const value = unmet?.rule.describe(host)
        return {
          summary: 'without what the image asks for',
          detail: `need ${unmet?.rule.property} ${unmet?.value}, ${value === undefined ? 'it reports none' : `has ${value}`}`,
        }
      },
    }
  },
}
