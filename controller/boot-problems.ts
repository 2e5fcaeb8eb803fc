/**
 * Finds what keeps a server of a namespace from booting an image with a flavor: missing access, or a flavor too small
 * for the image.
 */
import { type Flavor, type Image, Refused } from '../crds/index.ts'

export interface Boot {
  readonly flavor: Flavor
  readonly image: Image
  /** The server's namespace. */
  readonly namespace: string
}

/** Returns undefined if there is no problem. Codes are those of Nova's exceptions where Nova has one. */
type BootCheck = (boot: Boot) => Refused | undefined

const checks: readonly BootCheck[] = [
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
    // A root disk of 0 means as large as the image.
    if (flavor.spec.disk === 0 || flavor.spec.disk >= image.spec.minDisk) return undefined
    return new Refused(
      'FlavorDiskTooSmall',
      `Flavor ${flavor.metadata.name} has a root disk of ${flavor.spec.disk} GiB and Image ${image.metadata.name} needs at least ${image.spec.minDisk} GiB: choose a flavor with a larger disk`,
    )
  },
]

/** All problems, those of access first; none if the server may boot. */
export function findBootProblems(boot: Boot): Refused[] {
  return checks.flatMap((check) => check(boot) ?? [])
}
