/** Whether a server of a namespace may boot this image with this flavor: access, and the sizes that the image needs. */
import { type Flavor, type Image, Refused } from '../crds/index.ts'

export interface Boot {
  readonly flavor: Flavor
  readonly image: Image
  /** The server's. */
  readonly namespace: string
}

/** A check: undefined: nothing against it. Codes are those of Nova's exceptions where it has one. */
type Check = (boot: Boot) => Refused | undefined

const checks: readonly Check[] = [
  ({ flavor: { metadata, spec }, namespace }) => {
    if (spec.isPublic || spec.access?.includes(namespace)) return undefined
    return new Refused(
      'FlavorNotAllowed',
      `Flavor ${metadata.name} is not public and its access does not name ${namespace}: choose another flavor, or ask for access`,
    )
  },
  ({ image: { metadata, spec }, namespace }) => {
    if (metadata.namespace === namespace || spec.visibility === 'public') return undefined
    return new Refused(
      'ImageNotAllowed',
      `Image ${metadata.namespace}/${metadata.name} is private to its namespace: its owner can set visibility: public`,
    )
  },
  ({ flavor, image }) => {
    if (flavor.spec.ram >= image.spec.minRam) return undefined
    return new Refused(
      'FlavorMemoryTooSmall',
      `Flavor ${flavor.metadata.name} has ${flavor.spec.ram} MiB of memory and Image ${image.metadata.name} needs at least ${image.spec.minRam} MiB: choose a larger flavor`,
    )
  },
  ({ flavor, image }) => {
    // A root disk of 0 is made as large as the image.
    if (flavor.spec.disk === 0 || flavor.spec.disk >= image.spec.minDisk) return undefined
    return new Refused(
      'FlavorDiskTooSmall',
      `Flavor ${flavor.metadata.name} has a root disk of ${flavor.spec.disk} GiB and Image ${image.metadata.name} needs at least ${image.spec.minDisk} GiB: choose a flavor with a larger disk`,
    )
  },
]

/** All that is against it, what concerns access first; empty: it may. */
export function checkBoot(boot: Boot): Refused[] {
  return checks.flatMap((check) => check(boot) ?? [])
}
