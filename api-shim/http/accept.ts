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
