import { parseJson } from '../../actions/parse-json.ts'
import type { ServiceName } from '../routes/route.ts'
import type { FuzzRequest } from './requests.ts'

export interface RawAnswer {
  status: number
  headers: Readonly<Record<string, string | string[] | number | undefined>>
  text: string
}

const allowedServerErrors = [501, 503]

interface Exchange {
  service: ServiceName
  request: FuzzRequest
  answer: RawAnswer
}

const rules: readonly [violation: string, isBroken: (exchange: Exchange) => boolean][] = [
  ['an error of the shim', ({ answer: { status } }) => status >= 500 && !allowedServerErrors.includes(status)],
  [
    'no request ID',
    ({ answer: { headers } }) => !/^req-[0-9a-f-]{36}$/.test(String(headers['x-openstack-request-id'])),
  ],
  [
    'different request IDs',
    ({ answer: { headers } }) => headers['x-compute-request-id'] !== headers['x-openstack-request-id'],
  ],
  ['a body with the status 204', ({ answer: { status, text } }) => status === 204 && text !== ''],
  ['a body that is not the JSON that its type promises', ({ answer }) => !isJsonAsDeclared(answer)],
  ['no fault of the service', (exchange) => isError(exchange) && faultFormOf(exchange) === undefined],
  [
    'no headers of the microversion',
    (exchange) =>
      isVersionedFault(exchange) &&
      exchange.answer.headers['vary'] !== 'OpenStack-API-Version, X-OpenStack-Nova-API-Version',
  ],
]

export function findViolations(exchange: Exchange): string[] {
  const violations = rules.filter(([, isBroken]) => isBroken(exchange)).map(([violation]) => violation)
  if (violations.length === 0) return []
  const { status, text } = exchange.answer
  return [...violations, `${status} ${text.slice(0, 300)}`]
}

/** Answers to HEAD have no body. */
const isError = ({ request: { method }, answer: { status } }: Exchange): boolean => method !== 'HEAD' && status >= 400

const isVersionedFault = (exchange: Exchange): boolean =>
  exchange.service === 'compute' &&
  isError(exchange) &&
  exchange.answer.status !== 413 &&
  faultFormOf(exchange) === 'fault' &&
  hasPlainVersion(exchange.request)

const isJsonAsDeclared = ({ headers, text }: RawAnswer): boolean =>
  text === '' || !String(headers['content-type']).startsWith('application/json') || parseJson(text) !== undefined

/** Whether the header chooses a microversion, which it does only under /compute/v2.1/. */
const hasPlainVersion = ({ url, headers }: FuzzRequest): boolean =>
  url.startsWith('/compute/v2.1/') &&
  /^compute (2\.([1-9]\d?|10[0-4])|latest)$/.test(headers['openstack-api-version'] ?? '')

type FaultForm = 'fault' | 'token' | 'page'

/** Undefined if the service's clients cannot read the answer as an error. */
function faultFormOf({ service, answer: { status, text, headers } }: Exchange): FaultForm | undefined {
  const type = String(headers['content-type'])
  if (status === 404 && isNotFoundPage(type, text)) return 'page'
  const body = parseJson(text)
  if (!type.startsWith('application/json') || !isRecord(body)) return undefined
  if (status === 401 && isKeystoneFault(body, status)) return 'token'
  return isFaultOf[service](body, status) ? 'fault' : undefined
}

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

const NOT_FOUND = 'The resource could not be found.'
const isNotFoundPage = (type: string, text: string): boolean =>
  type === 'application/json'
    ? text === JSON.stringify({ message: `${NOT_FOUND}<br /><br />\n\n\n`, code: '404 Not Found', title: 'Not Found' })
    : text.includes(NOT_FOUND) && /^text\/(html|plain); charset=UTF-8$/.test(type)

const novaNames: Readonly<Record<number, string>> = {
  400: 'badRequest',
  403: 'forbidden',
  404: 'itemNotFound',
  409: 'conflictingRequest',
  413: 'overLimit',
  415: 'badMediaType',
  501: 'notImplemented',
  503: 'serviceUnavailable',
}

type FaultCheck = (body: Readonly<Record<string, unknown>>, status: number) => boolean

const isKeystoneFault: FaultCheck = ({ error }, status) =>
  isRecord(error) && error['code'] === status && isFilled(error['message']) && isFilled(error['title'])
const isFilled = (value: unknown): boolean => typeof value === 'string' && value !== ''

const isFaultOf: Readonly<Record<ServiceName, FaultCheck>> = {
  compute(body, status) {
    const name = novaNames[status] ?? 'computeFault'
    const { [name]: fault, ...others } = body
    return isRecord(fault) && fault['code'] === status && isFilled(fault['message']) && Object.keys(others).length === 0
  },
  identity: isKeystoneFault,
  image: ({ message, code, title }, status) =>
    isFilled(message) && isFilled(title) && code === `${status} ${String(title)}`,
  network: ({ NeutronError: error }) => isRecord(error) && isFilled(error['type']) && isFilled(error['message']),
}
