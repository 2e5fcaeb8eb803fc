interface Range {
  type: string
  quality: number
}

/**
 * The offered media types that the header accepts, best first. A header without any media type, such as `garbage`,
 * accepts all; an absent or empty one accepts none, as in webob, which Nova uses.
 */
export function acceptedTypes(header: string | undefined, offers: readonly string[]): string[] {
  if (header === undefined || header.trim() === '') return []
  const ranges = header.split(',').map(parseRange)
  if (ranges.some((range) => range === undefined)) return [...offers]
  const quality = (offer: string): number =>
    qualityOf(
      ranges.filter((range) => range !== undefined),
      offer,
    )
  return offers.filter((offer) => quality(offer) > 0).toSorted((a, b) => quality(b) - quality(a))
}

const JSON_TYPE = 'application/json'
const computeTypes = [JSON_TYPE, 'application/vnd.openstack.compute+json']

/** The media type of an answer of the Compute API: the one that the client likes best, and JSON if it likes none. */
export const computeTypeOf = (accept: string | undefined): string => acceptedTypes(accept, computeTypes)[0] ?? JSON_TYPE

/** As in Nova, some documents can also be had as Atom, although they are JSON. */
export const documentTypeOf = (accept: string | undefined): string =>
  acceptedTypes(accept, [...computeTypes, 'application/atom+xml'])[0] ?? JSON_TYPE

/** The version of the API that a Content-Type or Accept header names, such as `2.1`; undefined if there is none. */
export const versionInType = (header: string | undefined): string | undefined =>
  /;\s*version=([\d.]+)/.exec(header ?? '')?.[1]

function parseRange(text: string): Range | undefined {
  const [type = '', ...parameters] = text.split(';').map((part) => part.trim())
  if (!/^[\w!#$&^.+*-]+\/[\w!#$&^.+*-]+$/.test(type)) return undefined
  const q = parameters.find((parameter) => parameter.startsWith('q='))
  return { type, quality: q === undefined ? 1 : Number(q.slice(2)) }
}

/** The quality of the most specific range that matches the offered type; 0 if none matches. */
function qualityOf(ranges: readonly Range[], offer: string): number {
  const wildcards = [offer, `${offer.split('/')[0]}/*`, '*/*']
  for (const type of wildcards) {
    const range = ranges.find((r) => r.type === type)
    if (range) return range.quality
  }
  return 0
}
