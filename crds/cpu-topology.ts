/**
 * Chooses the sockets, cores and threads of a guest from the flavor's extra specs hw:cpu_* and the image's properties
 * hw_cpu_*, with the rules of nova/virt/hardware.py and one exception for Windows (docs/adr/0032). Pure.
 */
interface CpuTopology {
  readonly sockets: number
  readonly cores: number
  readonly threads: number
}

export interface CpuRequest {
  readonly flavor: { readonly vcpus: number; readonly extraSpecs?: Readonly<Record<string, string>> | undefined }
  readonly properties?: Readonly<Record<string, string>> | undefined
}

type CpuChoice =
  | { readonly topology: CpuTopology; readonly problem?: never }
  /** Why no topology meets the limits: a sentence that says what to do. */
  | { readonly problem: string; readonly topology?: never }

const parts = ['sockets', 'cores', 'threads'] as const
/** 0 means that the flavor or image sets no number for that part. */
type Numbers = CpuTopology

const UNLIMITED = 65_536
/** Client editions of Windows use at most two sockets. */
const WINDOWS_SOCKETS = 2

export function chooseCpuTopology({ flavor, properties = {} }: CpuRequest): CpuChoice {
  const { vcpus, extraSpecs = {} } = flavor
  const flavorMax = readNumbers(extraSpecs, 'hw:cpu_max_')
  const imageMax = readNumbers(properties, 'hw_cpu_max_')
  const image = readNumbers(properties, 'hw_cpu_')
  const max = mapParts((part) => imageMax[part] || flavorMax[part] || UNLIMITED)
  const problem =
    explainExcess(imageMax, 'hw_cpu_max_', flavorMax, 'the flavor') ?? explainExcess(image, 'hw_cpu_', max, 'the limit')
  if (problem !== undefined) return { problem }
  const preferred = preferredNumbers(image, readNumbers(extraSpecs, 'hw:cpu_'), max)
  const topology = bestWithinWindowsLimit(vcpus, preferred, max, properties) ?? bestTopology(vcpus, preferred, max)
  if (topology !== undefined) return { topology }
  const limits = parts.filter((part) => max[part] !== UNLIMITED).map((part) => `${max[part]} ${part}`)
  return {
    problem: `${vcpus} virtual CPUs cannot be made of at most ${limits.join(', ')}: raise the hw:cpu_max_* or hw_cpu_max_* limits, or take a flavor with other vcpus`,
  }
}

const mapParts = (numberOf: (part: (typeof parts)[number]) => number): Numbers => ({
  sockets: numberOf('sockets'),
  cores: numberOf('cores'),
  threads: numberOf('threads'),
})

/** A text that is not a number counts as absent. The CEL rules of Flavor and Image already reject such a text. */
function readNumbers(from: Readonly<Record<string, string>>, prefix: string): Numbers {
  return mapParts((part) => {
    const text = from[`${prefix}${part}`] ?? ''
    return /^\d{1,5}$/.test(text) ? Number(text) : 0
  })
}

/**
 * Returns a message if the image exceeds a limit, otherwise undefined. A limit of 0 means no limit. `whose` names the
 * source of the limits, such as 'the flavor'.
 */
function explainExcess(of: Numbers, prefix: string, limits: Numbers, whose: string): string | undefined {
  const part = parts.find((p) => limits[p] > 0 && of[p] > limits[p])
  if (part === undefined) return undefined
  return `${prefix}${part} of the image is ${of[part]}, and ${whose} allows ${limits[part]} ${part}: change the property, or take another flavor`
}

/**
 * The image's numbers, or the flavor's if the image has none. If one of the flavor's numbers exceeds a limit (the image
 * may have lowered it), all numbers of the flavor are ignored.
 */
function preferredNumbers(image: Numbers, flavor: Numbers, max: Numbers): Numbers {
  if (parts.some((part) => image[part] > 0)) return image
  return parts.some((part) => flavor[part] > max[part]) ? mapParts(() => 0) : flavor
}

/**
 * The topology of a Windows guest if neither flavor nor image sets a number or limit of sockets. Undefined for any
 * other guest, and if the vCPUs do not fit into two sockets.
 */
function bestWithinWindowsLimit(
  vcpus: number,
  preferred: Numbers,
  max: Numbers,
  properties: Readonly<Record<string, string>>,
): CpuTopology | undefined {
  const isDecided = preferred.sockets > 0 || max.sockets !== UNLIMITED
  if (properties['os_type'] !== 'windows' || isDecided) return undefined
  return bestTopology(vcpus, preferred, { ...max, sockets: WINDOWS_SOCKETS })
}

/**
 * The topology that agrees with the preferred numbers in the most parts (sockets, cores, threads). Among equals: the
 * one with the fewest threads, then the most sockets.
 */
function bestTopology(vcpus: number, preferred: Numbers, max: Numbers): CpuTopology | undefined {
  const score = (topology: CpuTopology) => parts.filter((part) => topology[part] === preferred[part]).length
  return possibleTopologies(vcpus, max).sort(
    (a, b) => score(b) - score(a) || b.sockets * b.cores - a.sockets * a.cores || b.sockets - a.sockets,
  )[0]
}

function possibleTopologies(vcpus: number, max: Numbers): CpuTopology[] {
  const divisors = (of: number, limit: number) =>
    Array.from({ length: Math.min(of, limit) }, (_, i) => i + 1).filter((n) => of % n === 0)
  return divisors(vcpus, max.sockets)
    .flatMap((sockets) =>
      divisors(vcpus / sockets, max.cores).map((cores) => ({ sockets, cores, threads: vcpus / sockets / cores })),
    )
    .filter(({ threads }) => threads <= max.threads)
}
