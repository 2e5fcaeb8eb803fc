/**
 * ComputeCapabilitiesFilter: the host must meet every extra spec `capabilities:<path>` of the flavor. The path leads to
 * an attribute of Nova's HostState. A key without a prefix counts too, if it is the name of such an attribute.
 */
import { parseRequirement } from '../extra-spec-requirement.ts'
import type { Filter } from '../filter.ts'
import type { HostView } from '../host-view.ts'

type Value = string | number | readonly string[] | undefined | { readonly [key: string]: Value }

const capabilities: Readonly<Record<string, (host: HostView) => Value>> = {
  host: (h) => h.name,
  hypervisor_hostname: (h) => h.name,
  // Nova's libvirt driver reports QEMU for KVM hosts too.
  hypervisor_type: () => 'QEMU',
  hypervisor_version: (h) => h.version,
  vcpus_total: (h) => h.limits?.vcpus.total,
  vcpus_used: (h) => h.used.vcpus,
  total_usable_ram_mb: (h) => h.limits?.ram.total,
  free_ram_mb: (h) => h.limits && h.limits.ram.maxPerServer - h.used.ram,
  total_usable_disk_gb: (h) => h.limits?.disk.total,
  free_disk_mb: (h) => h.limits && (h.limits.disk.maxPerServer - h.used.disk) * 1024,
  num_instances: (h) => h.used.servers,
  num_io_ops: (h) => h.used.ioOps,
  cpu_info: (h) => ({
    arch: h.arch,
    model: h.cpu?.model,
    vendor: h.cpu?.vendor,
    features: h.cpu?.features,
    topology: { sockets: h.cpu?.sockets, cores: h.cpu?.cores, threads: h.cpu?.threads },
  }),
}

/** The value at a path in the form of Python's str(), because Nova compares that form. */
function capabilityText(host: HostView, path: readonly string[]): string | undefined {
  const [name = '', ...keys] = path
  let value: Value = Object.hasOwn(capabilities, name) ? capabilities[name]?.(host) : undefined
  for (const key of keys) {
    if (typeof value !== 'object' || Array.isArray(value) || !Object.hasOwn(value, key)) return undefined
    value = (value as { readonly [key: string]: Value })[key]
  }
  if (value === undefined || typeof value === 'string') return value
  if (typeof value === 'number') return String(value)
  return Array.isArray(value) ? `[${value.map((v) => `'${v}'`).join(', ')}]` : JSON.stringify(value)
}

/** Undefined if this filter ignores the extra spec. */
function capabilityPath(key: string): readonly string[] | undefined {
  const [scope = '', ...path] = key.split(':')
  if (path.length === 0) return Object.hasOwn(capabilities, scope) ? [scope] : undefined
  return scope === 'capabilities' ? path : undefined
}

export const computeCapabilitiesFilter: Filter = {
  name: 'ComputeCapabilitiesFilter',
  scope: 'host',
  prepare({ flavor }) {
    const required = Object.entries(flavor.extraSpecs ?? {}).flatMap(([key, text]) => {
      const path = capabilityPath(key)
      return path ? [{ path, text, isMetBy: parseRequirement(text) }] : []
    })
    if (required.length === 0) return undefined
    const findUnmet = (host: HostView) =>
      required.find(({ path, isMetBy }) => {
        const value = capabilityText(host, path)
        return value === undefined || !isMetBy(value)
      })
    return {
      passes: (host) => findUnmet(host) === undefined,
      reject(host) {
        const { path, text } = findUnmet(host) ?? { path: [], text: '' }
        const value = capabilityText(host, path)?.slice(0, 60) ?? 'none'
        return {
          summary: 'without a capability that the flavor asks for',
          detail: `need ${path.join(':')} ${text}, has ${value}`,
        }
      },
    }
  },
}
