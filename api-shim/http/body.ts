/** Reads the bodies of requests. Accepts the same deviations from JSON as Python's parser. Pure. */
import { newBadRequest, newUnsupportedMediaType } from './fault.ts'

const JSON_TYPES = ['application/json', 'application/vnd.openstack.compute+json']

/** Throws a 415 unless the header names a form of JSON, is absent, or is text/plain, which Nova treats as absent. */
export function checkContentType(header: string | undefined): void {
  const type = header?.split(';')[0]?.trim() ?? ''
  if (type !== '' && type !== 'text/plain' && !JSON_TYPES.includes(type)) throw newUnsupportedMediaType()
}

export const malformedBody = (): Error => newBadRequest('Malformed request body')

const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/**
 * The deepest nesting of a body that the shim accepts. Recursive functions walk through a body, so a deeper one could
 * exhaust the stack.
 */
const MAX_DEPTH = 500

/** An empty body is null, as for Nova. Throws a 400 if the body is no JSON, not UTF-8, or nested too deeply. */
export function parseBody(raw: Uint8Array | undefined): unknown {
  if (raw === undefined || raw.length === 0) return null
  const body = parseText(raw)
  if (isDeeperThan(MAX_DEPTH, body)) throw malformedBody()
  return body
}

function parseText(raw: Uint8Array): unknown {
  try {
    return parseJson(decoder.decode(raw))
  } catch (cause) {
    throw Object.assign(malformedBody(), { cause })
  }
}

const isDeeperThan = (depth: number, value: unknown): boolean =>
  typeof value === 'object' &&
  value !== null &&
  (depth === 0 || Object.values(value).some((member) => isDeeperThan(depth - 1, member)))

/** JSON strings, and the words for floats that Python's JSON parser accepts although they are no JSON. */
const stringOrFloatWord = /"(?:[^"\\]|\\.)*"|-?Infinity\b|\bNaN\b/g
/** Prefix of the string that replaces such a float word. A user's body cannot contain it by accident. */
const MARK = '\u0000float:'

function parseJson(text: string): unknown {
  if (!/\b(NaN|Infinity)\b/.test(text)) return JSON.parse(text)
  const quoted = text.replace(stringOrFloatWord, (token) =>
    token.startsWith('"') ? token : JSON.stringify(MARK + token),
  )
  return JSON.parse(quoted, (_key, value: unknown) =>
    typeof value === 'string' && value.startsWith(MARK) ? Number(value.slice(MARK.length)) : value,
  )
}
