import { Fault, newBadRequest } from './fault.ts'

/** A microversion as in headers and route declarations, such as `2.53`. The major number is always 2. */
export type VersionText = `2.${number}`

export const MIN_VERSION: VersionText = '2.1'
/** Raise this only when all routes render the new microversion completely. */
export const MAX_VERSION: VersionText = '2.104'

/** 53 of `2.53`. */
export const minorOf = (version: VersionText): number => Number(version.slice(2))
export const versionText = (minor: number): VersionText => `2.${minor}`

/** Values for ranges of microversions: each applies from its key up to the next higher key. */
export type ByVersion<T> = Readonly<Partial<Record<VersionText, T>>>

/** The value of the highest key that is not above the microversion. Undefined if all keys are above it. */
export function selectByVersion<T>(values: ByVersion<T>, minor: number): T | undefined {
  let best: { from: number; value: T } | undefined
  for (const [key, value] of Object.entries(values) as [VersionText, T][]) {
    const from = minorOf(key)
    if (from <= minor && (best === undefined || from > best.from)) best = { from, value }
  }
  return best?.value
}

/** Both ends belong to the range; an absent end is no limit. */
export const isInRange = (minor: number, { since, until }: { since?: VersionText; until?: VersionText }): boolean =>
  (since === undefined || minor >= minorOf(since)) && (until === undefined || minor <= minorOf(until))

const STANDARD_HEADER = 'openstack-api-version'
const LEGACY_HEADER = 'x-openstack-nova-api-version'
const FORMAT = /^([1-9]\d*)\.([1-9]\d*|0)$/

type Headers = Readonly<Record<string, string | string[] | undefined>>

/**
 * The minor number of the requested microversion; without a header, that of 2.1. Throws a 400 for a malformed header,
 * and a 406 for an unsupported version.
 */
export function negotiateVersion(headers: Headers): number {
  const asked = versionFromHeaders(headers)
  if (asked === undefined) return minorOf(MIN_VERSION)
  if (asked === 'latest') return minorOf(MAX_VERSION)
  if (!FORMAT.test(asked))
    throw newBadRequest(`API Version String ${asked} is of invalid format. Must be of format MajorNum.MinorNum.`)
  const [major, minor = 0] = asked.split('.').map(Number)
  if (major === 2 && minor >= minorOf(MIN_VERSION) && minor <= minorOf(MAX_VERSION)) return minor
  throw new Fault(
    406,
    `Version ${asked} is not supported by the API. Minimum is ${MIN_VERSION} and maximum is ${MAX_VERSION}.`,
    versionHeaders(asked),
  )
}

/**
 * The last entry for the service `compute` in the standard header wins. If there is no such entry, the older header
 * counts, which has only a version and no service.
 */
function versionFromHeaders(headers: Headers): string | undefined {
  const entries = headerText(headers, STANDARD_HEADER)?.split(',') ?? []
  for (const entry of entries.toReversed()) {
    const [, service, version] = /^\s*(\S+)\s+(\S.*?)\s*$/.exec(entry) ?? []
    if (version !== undefined && service?.toLowerCase() === 'compute') return version
  }
  return headerText(headers, LEGACY_HEADER)?.split(',').at(-1)?.trim()
}

function headerText(headers: Headers, name: string): string | undefined {
  const value = headers[name]
  return Array.isArray(value) ? value.join(',') : value
}

export const versionHeaders = (version: string): Record<string, string> => ({
  'openstack-api-version': `compute ${version}`,
  'x-openstack-nova-api-version': version,
  vary: 'OpenStack-API-Version, X-OpenStack-Nova-API-Version',
})
