/**
 * The request of a placement: the facts of the server, its flavor and its image, with the servers of hints already
 * resolved to hosts.
 */
import type { Flavor, Image, Resources } from '../../crds/index.ts'

/** The part of a flavor that placement reads: a Flavor's spec and the copy in a Server's status both fit. */
export type FlavorFacts = Pick<Flavor['spec'], 'vcpus' | 'ram' | 'disk' | 'ephemeral' | 'swap' | 'extraSpecs'>

/** The part of an image that placement reads. */
export interface ImageFacts {
  readonly minDisk?: number
  readonly properties?: Image['spec']['properties']
}

/** A scheduler hint that names servers. */
export interface HintedHosts {
  /** The hosts of those servers. */
  readonly hosts: readonly string[]
  /** Names of servers that do not exist or have no host yet. */
  readonly unresolved: readonly string[]
}

export interface PlacementRequest {
  readonly server: { readonly namespace: string; readonly name: string; readonly uid: string }
  readonly flavor: FlavorFacts
  readonly image: ImageFacts
  readonly availabilityZone?: string
  readonly sameHost?: HintedHosts
  readonly differentHost?: HintedHosts
  /** Hosts that have rejected this server already. */
  readonly ignoreHosts?: readonly string[]
}

/**
 * The vCPUs, MiB of memory and GiB of disk that a server takes of its host. As in Nova, disk = root + ephemeral + swap
 * rounded up to GiB, and `resources:VCPU`, `resources:MEMORY_MB`, `resources:DISK_GB` override (0: takes none). Unlike
 * in Nova, a root disk of 0 ("as large as the image") counts as the image's minDisk, for on the host's disk it is at
 * least that large.
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

/** As in Nova's placement service, text that is not a whole number >= 0 is ignored. */
function parseAmount(text: string | undefined): number | undefined {
  return text !== undefined && /^\d{1,15}$/.test(text.trim()) ? Number(text) : undefined
}

const SUPPORTED_CLASSES = new Set(['VCPU', 'MEMORY_MB', 'DISK_GB'])

/**
 * The amounts, by resource class, that the flavor's `resources:` extra specs ask for and that no host has, such as VGPU
 * or CUSTOM_FPGA.
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

/** Resolves the server names of a hint to hosts with `hostOf`, in the order given. */
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
