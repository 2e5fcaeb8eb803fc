/**
 * The request for a placement: what the scheduler needs of the server, its flavor and its image. The servers in
 * scheduler hints are already replaced by their hosts.
 */
import type { Flavor, Image, Resources } from '../../crds/index.ts'

/** The spec of a Flavor and the copy in a Server's status both have these fields. */
export type FlavorFacts = Pick<Flavor['spec'], 'vcpus' | 'ram' | 'disk' | 'ephemeral' | 'swap' | 'extraSpecs'>

export interface ImageFacts {
  readonly minDisk?: number
  readonly properties?: Image['spec']['properties']
}

export interface HintedHosts {
  /** The hosts of the named servers. */
  readonly hosts: readonly string[]
  /** The names of servers that do not exist or have no host yet. */
  readonly unresolved: readonly string[]
}

export interface PlacementRequest {
  readonly server: { readonly namespace: string; readonly name: string; readonly uid: string }
  readonly flavor: FlavorFacts
  readonly image: ImageFacts
  readonly availabilityZone?: string
  readonly sameHost?: HintedHosts
  readonly differentHost?: HintedHosts
  /**
   * Whether the server needs a value from a Secret that the controller encrypts for the host: user data, or credentials
   * for its image. Absent: no.
   */
  readonly needsSealingKey?: boolean
  /** Hosts that have rejected this server before. */
  readonly ignoreHosts?: readonly string[]
}

/**
 * The vCPUs, MiB of memory and GiB of disk that a server uses. As in Nova, the disk is root + ephemeral + swap, and the
 * extra specs `resources:VCPU`, `resources:MEMORY_MB` and `resources:DISK_GB` replace the amounts. Unlike in Nova, a
 * root disk of 0 ("as large as the image") counts as the image's minDisk.
 */
export function demandOf(flavor: FlavorFacts, image: ImageFacts): Resources {
  const root = flavor.disk === 0 ? (image.minDisk ?? 0) : flavor.disk
  const specs = flavor.extraSpecs
  return {
    vcpus: parseAmount(specs?.['resources:VCPU']) ?? flavor.vcpus,
    ram: parseAmount(specs?.['resources:MEMORY_MB']) ?? flavor.ram,
    disk: parseAmount(specs?.['resources:DISK_GB']) ?? root + flavor.ephemeral + Math.ceil(flavor.swap / 1024),
  }
}

/** Returns undefined if the text is not a whole number >= 0. Nova's placement service ignores such a text too. */
function parseAmount(text: string | undefined): number | undefined {
  return text !== undefined && /^\d{1,15}$/.test(text.trim()) ? Number(text) : undefined
}

const SUPPORTED_CLASSES = new Set(['VCPU', 'MEMORY_MB', 'DISK_GB'])

/**
 * The resources that the flavor's `resources:` extra specs ask for and that no host has, such as VGPU or CUSTOM_FPGA,
 * with their amounts.
 */
export function unsupportedResourcesOf(flavor: FlavorFacts): ReadonlyMap<string, number> {
  const found = new Map<string, number>()
  for (const [key, text] of Object.entries(flavor.extraSpecs ?? {})) {
    const name = /^resources\d*:(.+)$/.exec(key)?.[1]
    const amount = name !== undefined && !SUPPORTED_CLASSES.has(name) ? parseAmount(text) : undefined
    if (name !== undefined && amount !== undefined && amount > 0) found.set(name, amount)
  }
  return found
}

export function resolveHint(names: readonly string[], hostOf: (name: string) => string | undefined): HintedHosts {
  const hosts = new Set<string>()
  const unresolved: string[] = []
  for (const name of names) {
    const host = hostOf(name)
    if (host === undefined) unresolved.push(name)
    else hosts.add(host)
  }
  return { hosts: [...hosts], unresolved }
}
