/**
 * Compares an answer of the shim with Nova's recorded one. Status, `comparedHeaders` and fixed words of the API must be
 * equal. Only the names and types of other body members are compared.
 */
import type { RecordedResponse } from './exchange.ts'
import type { Placeholders } from './placeholders.ts'

export interface ActualResponse {
  status: number
  headers: Readonly<Record<string, string | undefined>>
  /** The text of the body. */
  text: string
}

/** Headers in `requiredHeaders`, which hold request IDs, need only be present. */
const comparedHeaders = [
  'content-type',
  'openstack-api-version',
  'x-openstack-nova-api-version',
  'vary',
  'location',
  'retry-after',
  'www-authenticate',
  'allow',
]
const requiredHeaders = ['x-openstack-request-id', 'x-compute-request-id']

/** The differences, as sentences; empty if there is none. */
export function compareResponses(recorded: RecordedResponse, actual: ActualResponse, names: Placeholders): string[] {
  if (recorded.status !== actual.status)
    return [`status ${actual.status} instead of ${recorded.status}: ${actual.text.slice(0, 200)}`]
  return [...compareHeaders(recorded, actual, names), ...compareBodies(recorded, actual, names)]
}

function compareHeaders({ headers }: RecordedResponse, actual: ActualResponse, names: Placeholders): string[] {
  const wrong = comparedHeaders.filter((name) => {
    const expected = headers[name]
    const value = actual.headers[name]
    return expected === undefined
      ? value !== undefined && name !== 'content-type'
      : value === undefined || !names.matches(expected, value)
  })
  const missing = requiredHeaders.filter((name) => headers[name] !== undefined && actual.headers[name] === undefined)
  return [
    ...wrong.map((name) => `header ${name} is ${actual.headers[name]} instead of ${headers[name]}`),
    ...missing.map((name) => `header ${name} is missing`),
  ]
}

function compareBodies({ body, raw }: RecordedResponse, { text }: ActualResponse, names: Placeholders): string[] {
  if (raw !== undefined)
    return names.matches(raw, text) ? [] : [`body is ${text.slice(0, 120)} instead of ${raw.slice(0, 120)}`]
  if (body === undefined) return text === '' ? [] : [`body is ${text.slice(0, 120)} instead of none`]
  const actual = parseJson(text)
  return actual === undefined
    ? [`body is not JSON: ${text.slice(0, 120)}`]
    : compareValues(body, actual.value, '', names)
}

function parseJson(text: string): { value: unknown } | undefined {
  try {
    return { value: JSON.parse(text) as unknown }
  } catch {
    return undefined
  }
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** Numbers and booleans are compared only by type. */
const classOf = (value: unknown): string => (value === null ? 'null' : Array.isArray(value) ? 'array' : typeof value)

function compareValues(recorded: unknown, actual: unknown, path: string, names: Placeholders): string[] {
  if (typeof recorded === 'string') return compareStrings(recorded, actual, path, names)
  if (classOf(recorded) !== classOf(actual))
    return [`${path} is ${JSON.stringify(actual)?.slice(0, 80)} instead of ${JSON.stringify(recorded).slice(0, 80)}`]
  if (isObject(recorded) && isObject(actual)) return compareObjects(recorded, actual, path, names)
  if (Array.isArray(recorded) && Array.isArray(actual)) return compareArrays(recorded, actual, path, names)
  return []
}

/** Paths of members whose text is a fixed word of the API, such as a status, and must be equal. */
const words =
  /\.(status|vm_state|OS-EXT-STS:(vm_state|task_state)|rel|message|action|event|result|type|visibility|code|title)$/

function compareStrings(recorded: string, actual: unknown, path: string, names: Placeholders): string[] {
  const isNumber = typeof actual === 'number' && /^\{(int|float)\}$/.test(recorded)
  if (isNumber) return []
  const isFree = !words.test(path) && !/\{[a-zA-Z]/.test(recorded)
  if (typeof actual === 'string' && (isFree || names.matches(recorded, actual))) return []
  return [`${path} is ${JSON.stringify(actual)} instead of ${JSON.stringify(recorded)}`]
}

function compareObjects(
  recorded: Record<string, unknown>,
  actual: Record<string, unknown>,
  path: string,
  names: Placeholders,
): string[] {
  const missing = Object.keys(recorded).filter((key) => !(key in actual))
  const extra = Object.keys(actual).filter((key) => !(key in recorded))
  const keys = Object.keys(recorded).filter((key) => key in actual)
  return [
    ...(missing.length > 0 ? [`${path || 'body'} lacks ${missing.join(', ')}`] : []),
    ...(extra.length > 0 ? [`${path || 'body'} has also ${extra.join(', ')}`] : []),
    ...keys.flatMap((key) => compareValues(recorded[key], actual[key], `${path}.${key}`, names)),
  ]
}

/**
 * Compares only the first items, because the number of items depends on the cloud. An empty list equals only an empty
 * list.
 */
function compareArrays(recorded: unknown[], actual: unknown[], path: string, names: Placeholders): string[] {
  if (recorded.length === 0 || actual.length === 0)
    return recorded.length === actual.length ? [] : [`${path} has ${actual.length} items instead of ${recorded.length}`]
  return compareValues(recorded[0], actual[0], `${path}[0]`, names)
}
