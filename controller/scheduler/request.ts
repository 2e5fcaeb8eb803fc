/** What a placement asks: the facts of the server, its flavor and its image, with names already resolved to hosts. */
import type { Flavor, Image, Resources } from '../../crds/index.ts'

/** As much of a flavor as placement needs: a Flavor's spec and the copy in a Server's status both fit. */
export type FlavorFacts = Pick<Flavor['spec'], 'vcpus' | 'ram' | 'disk' | 'ephemeral' | 'swap' | 'extraSpecs'>

/** As much of an image as placement needs. */
export interface ImageFacts {
  readonly minDisk?: number
  readonly properties?: Image['spec']['properties']
}

/** A scheduler hint that names servers: the hosts they are on, and those that have no host (or are not there). */
export interface HintedHosts {
  readonly hosts: readonly string[]
  readonly unresolved: readonly string[]
}

export interface PlacementRequest {
  readonly server: { readonly namespace: string; readonly name: string; readonly uid: string }
  readonly flavor: FlavorFacts
  readonly image: ImageFacts
  readonly availabilityZone?: string
  readonly sameHost?: HintedHosts
  readonly differentHost?: HintedHosts
  /** Hosts that refused this server already. */
  readonly ignoreHosts?: readonly string[]
}

/** What a flavor asks of a host beyond its sizes, as placement's `resources:` extra specs say it: class → amount. */
export type OtherResources = ReadonlyMap<string, number>

/**
 * What a server takes of its host: vCPUs, MiB, GiB. As in Nova: disk = root + ephemeral + swap rounded up to GiB, and
 * `resources:VCPU`, `resources:MEMORY_MB`, `resources:DISK_GB` override (0: takes none). Other than Nova, a root disk of 0 ("as
 * large as the image") counts with the image's minDisk: it is no less than that on the host's disk.
 */
export function demandOf(flavor: FlavorFacts, image: ImageFacts): Resources {
  const root = flavor.disk === 0 ? (image.minDisk ?? 0) : flavor.disk
  const specs = flavor.extraSpecs
  return {
    vcpus: amount(specs?.['resources:VCPU']) ?? flavor.vcpus,
    ram: amount(specs?.['resources:MEMORY_MB']) ?? flavor.ram,
    disk: amount(specs?.['resources:DISK_GB']) ?? root + flavor.ephemeral + Math.ceil(flavor.swap / 1024),
  }
}

/** Placement ignores what is not a whole number >= 0; so do we. */
function amount(text: string | undefined): number | undefined {
  return text !== undefined && /^\d{1,15}$/.test(text.trim()) ? Number(text) : undefined
}

const OURS = new Set(['VCPU', 'MEMORY_MB', 'DISK_GB'])

/** Resource classes that the flavor asks for and that no host of ours has, such as VGPU or CUSTOM_FPGA. */
export function otherResources(flavor: FlavorFacts): OtherResources {
  const found = new Map<string, number>()
  for (const [key, text] of Object.entries(flavor.extraSpecs ?? {})) {
    const name = /^resources\d*:(.+)$/.exec(key)?.[1]
    const wanted = name !== undefined && !OURS.has(name) ? amount(text) : undefined
    if (name !== undefined && wanted !== undefined && wanted > 0) found.set(name, wanted)
  }
  return found
}

/** Follows the server names of a hint with `hostOf`, in the order given. */
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
