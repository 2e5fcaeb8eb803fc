import { type CpuRequest, chooseCpuTopology, type Flavor, type Image, type Instance, Refused } from '../crds/index.ts'
import { unmetRequirementsOfImage } from './scheduler/unmet-requirements.ts'

export interface Boot {
  readonly flavor: Flavor
  readonly image: Image
  /** The server's namespace. */
  readonly namespace: string
}

/** undefined: no problem. Error codes are named after Nova's exceptions where Nova has one. */
type BootCheck = (boot: Boot) => Refused | undefined

const checks: readonly BootCheck[] = [
  ({ flavor: { metadata, spec }, namespace }) => {
    if (spec.isPublic || spec.access?.includes(namespace)) return undefined
    return new Refused(
      'FlavorNotAllowed',
      `Flavor ${metadata.name} is not public and its access does not name ${namespace}: choose another flavor, or ask for access`,
    )
  },
  ({ image, namespace }) => checkImageAccess(image, namespace),
  ({ flavor, image }) => checkMemory({ name: flavor.metadata.name, ram: flavor.spec.ram }, image),
  ({ flavor, image }) => {
    // A root disk of 0 GiB means: as large as the image.
    if (flavor.spec.disk === 0 || flavor.spec.disk >= image.spec.minDisk) return undefined
    return new Refused(
      'FlavorDiskTooSmall',
      `Flavor ${flavor.metadata.name} has a root disk of ${flavor.spec.disk} GiB and Image ${image.metadata.name} needs at least ${image.spec.minDisk} GiB: choose a flavor with a larger disk`,
    )
  },
  ({ flavor, image }) => checkCpuTopology({ name: flavor.metadata.name, ...flavor.spec }, image),
]

function checkImageAccess({ metadata, spec }: Image, namespace: string): Refused | undefined {
  if (metadata.namespace === namespace || spec.visibility === 'public') return undefined
  return new Refused(
    'ImageNotAllowed',
    `Image ${metadata.namespace}/${metadata.name} is private to its namespace: its owner can set visibility: public`,
  )
}

function checkMemory(flavor: { name: string; ram: number }, { metadata, spec }: Image): Refused | undefined {
  if (flavor.ram >= spec.minRam) return undefined
  return new Refused(
    'FlavorMemoryTooSmall',
    `Flavor ${flavor.name} has ${flavor.ram} MiB of memory and Image ${metadata.name} needs at least ${spec.minRam} MiB: choose a larger flavor`,
  )
}

/**
 * Finds requirements that no host can meet. Needed for a rescue, which is not scheduled; a new Server gets NoValidHost
 * from the scheduler.
 */
function checkRequirements({ metadata, spec }: Image): Refused | undefined {
  const unmet = unmetRequirementsOfImage(spec).map(({ property }) => property)
  return unmet.length === 0
    ? undefined
    : new Refused(
        'UnsupportedHardware',
        `Image ${metadata.name} requires what no host has: ${unmet.join(', ')}; take that out, or choose another image`,
      )
}

function checkCpuTopology(
  { name, ...flavor }: CpuRequest['flavor'] & { name: string },
  { metadata, spec }: Image,
): Refused | undefined {
  const { problem } = chooseCpuTopology({ flavor, properties: spec.properties })
  return problem === undefined
    ? undefined
    : new Refused('InvalidCpuTopology', `Flavor ${name} and Image ${metadata.name}: ${problem}`)
}

/** Why a server that was built with this flavor cannot boot a rescue disk made from this image; undefined if it can. */
export const findRescueProblem = (image: Image, { flavor }: Instance, namespace: string): Refused | undefined =>
  checkImageAccess(image, namespace) ??
  checkMemory(flavor, image) ??
  checkRequirements(image) ??
  checkCpuTopology(flavor, image)

/** All problems, missing access first; an empty list if the server may boot. */
export function findBootProblems(boot: Boot): Refused[] {
  return checks.flatMap((check) => check(boot) ?? [])
}
