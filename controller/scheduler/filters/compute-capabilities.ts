/**
 * ComputeCapabilitiesFilter: every `capabilities:<path>` of the flavor is met by what the host is, under Nova's names. A key without
 * a scope counts when it is such a name, else it is the operator's own and is left alone.
 */
import { requirement } from '../extra-spec-match.ts'
import type { Filter } from '../filter.ts'
import type { HostView } from '../host-view.ts'

type Tree = string | number | readonly string[] | undefined | { readonly [key: string]: Tree }

/** Nova's HostState, as far as flavors ask for it. */
const capabilities: Readonly<Record<string, (host: HostView) => Tree>> = {
  host: (h) => h.name,
  hypervisor_hostname: (h) => h.name,
  // Nova's libvirt driver says QEMU of kvm hosts too.
  hypervisor_type: () => 'QEMU',
  hypervisor_version: (h) => h.version,
  vcpus_total: (h) => h.limits?.vcpus.total,
  vcpus_used: (h) => h.used.vcpus,
  total_usable_ram_mb: (h) => h.limits?.ram.total,
  free_ram_mb: (h) => h.limits && h.limits.ram.largest - h.used.ram,
  total_usable_disk_gb: (h) => h.limits?.disk.total,
  free_disk_mb: (h) => h.limits && (h.limits.disk.largest - h.used.disk) * 1024,
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

/** The value at a path, in the form that Python's str() gives it. */
function capability(host: HostView, path: readonly string[]): string | undefined {
  const [name = '', ...rest] = path
  let at: Tree = Object.hasOwn(capabilities, name) ? capabilities[name]?.(host) : undefined
  for (const key of rest) {
    if (typeof at !== 'object' || Array.isArray(at) || !Object.hasOwn(at, key)) return undefined
    at = (at as { readonly [key: string]: Tree })[key]
  }
  if (at === undefined || typeof at === 'string') return at
  if (typeof at === 'number') return String(at)
  return Array.isArray(at) ? `[${at.map((v) => `'${v}'`).join(', ')}]` : JSON.stringify(at)
}

/** The path that an extra spec asks for; undefined: it is not for this filter. */
function pathOf(key: string): readonly string[] | undefined {
  const [scope = '', ...rest] = key.split(':')
  if (rest.length === 0) return Object.hasOwn(capabilities, scope) ? [scope] : undefined
  return scope === 'capabilities' ? rest : undefined
}

export const computeCapabilitiesFilter: Filter = {
  name: 'ComputeCapabilitiesFilter',
  sees: 'host',
  prepare({ flavor }) {
    const wanted = Object.entries(flavor.extraSpecs ?? {}).flatMap(([key, text]) => {
      const path = pathOf(key)
      return path ? [{ path, text, meets: requirement(text) }] : []
    })
    if (wanted.length === 0) return undefined
    const unmet = (host: HostView) =>
      wanted.find(({ path, meets }) => {
        const value = capability(host, path)
        return value === undefined || !meets(value)
      })
    return {
      passes: (host) => unmet(host) === undefined,
      refusal(host) {
        const { path, text } = unmet(host) ?? { path: [], text: '' }
        const has = capability(host, path)?.slice(0, 60) ?? 'none'
        return {
          what: 'without a capability that the flavor asks for',
          detail: `need ${path.join(':')} ${text}, has ${has}`,
        }
      },
    }
  },
}
