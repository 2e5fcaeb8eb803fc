/**
 * ImagePropertiesFilter: the host can give what the image's properties ask for: architecture, hypervisor type and version, VM mode (as
 * Nova), and machine type, firmware, disk bus and network card (which Nova finds out only when the host fails).
 */
import type { Filter } from '../filter.ts'
import type { HostKind } from '../host-view.ts'
import { hasMachineType } from '../machine-type.ts'
import { versionSatisfies } from '../version-predicate.ts'

/** One property: Glance's name, its name of old, and whether a host has what it says. */
interface Rule {
  readonly property: string
  readonly formerly?: string
  readonly host: (host: HostKind) => string | undefined
  readonly ok: (host: HostKind, value: string) => boolean
}

const architectures: Readonly<Record<string, string>> = { x86_32: 'i686', i386: 'i686', amd64: 'x86_64' }
const architecture = (value: string) => architectures[value.toLowerCase()] ?? value.toLowerCase()

/** An x86_64 host runs 32-bit guests too. */
const runsArchitecture = (host: HostKind, value: string) => {
  const wanted = architecture(value)
  return host.arch === wanted || (host.arch === 'x86_64' && wanted === 'i686')
}

/** A host with KVM emulates too; one without does not have KVM. */
const runsType = (host: HostKind, value: string) => {
  const wanted = value.toLowerCase()
  return wanted === host.domainType || (wanted === 'qemu' && host.domainType === 'kvm')
}

const list = (values: readonly string[]) => (values.length > 0 ? values.join(', ') : undefined)

const rules: readonly Rule[] = [
  { property: 'hw_architecture', formerly: 'architecture', host: (h) => h.arch, ok: runsArchitecture },
  { property: 'img_hv_type', formerly: 'hypervisor_type', host: (h) => h.domainType, ok: runsType },
  {
    property: 'hw_vm_mode',
    formerly: 'vm_mode',
    host: () => 'hvm',
    ok: (_, value) => ['hvm', 'hv', 'baremetal'].includes(value.toLowerCase()),
  },
  {
    property: 'img_hv_requested_version',
    formerly: 'hypervisor_version_requires',
    host: (h) => (h.version === 0 ? undefined : dotted(h.version)),
    // As Nova: a host that does not say its version is not refused for it.
    ok: (h, value) => h.version === 0 || versionSatisfies(h.version, value),
  },
  {
    property: 'hw_machine_type',
    host: (h) => list(h.machineTypes),
    ok: (h, value) => hasMachineType(h.machineTypes, h.version, value),
  },
  { property: 'hw_firmware_type', host: (h) => list(h.firmware), ok: (h, value) => h.firmware.includes(value) },
  { property: 'hw_disk_bus', host: (h) => list(h.diskBuses), ok: (h, value) => h.diskBuses.includes(value) },
  { property: 'hw_vif_model', host: (h) => list(h.vifModels), ok: (h, value) => h.vifModels.includes(value) },
]

function dotted(version: number): string {
  return [Math.floor(version / 1_000_000), Math.floor(version / 1000) % 1000, version % 1000].join('.')
}

export const imagePropertiesFilter: Filter = {
  name: 'ImagePropertiesFilter',
  sees: 'kind',
  prepare({ image: { properties = {} } }) {
    const wanted = rules.flatMap((rule) => {
      const value = properties[rule.property] ?? (rule.formerly === undefined ? undefined : properties[rule.formerly])
      return value === undefined || value === '' ? [] : [{ rule, value }]
    })
    if (wanted.length === 0) return undefined
    const unmet = (host: HostKind) => wanted.find(({ rule, value }) => !rule.ok(host, value))
    return {
      passes: (host) => unmet(host) === undefined,
      refusal(host) {
        const found = unmet(host)
        const has = found?.rule.host(host)
        return {
          what: 'without what the image asks for',
          detail: `need ${found?.rule.property} ${found?.value}, ${has === undefined ? 'it reports none' : `has ${has}`}`,
        }
      },
    }
  },
}
