/**
 * The recorder of the exchanges took some IDs for numbers: in a path it wrote `{int}` for the digits that begin a UUID,
 * and in an answer it left the number of an aggregate or a host as it was. This module puts back the placeholders that
 * it should have written, which it finds in the recording itself.
 */
import type { Exchange } from './exchange.ts'
import { requestPlaceholder } from './recorded-actions.ts'

/** A UUID without the digits that begin it. */
const CUT_UUID = /\{int\}[\da-f]*-[\da-f]{4}-[\da-f]{4}-[\da-f]{4}-[\da-f]{12}/
const HYPERVISORS = /^\/v2(\.1)?\/os-hypervisors\b/

export function restoreIds(exchanges: readonly Exchange[]): Exchange[] {
  const uuids = placeholdersOfCutUuids(exchanges)
  return exchanges.map((exchange) => restorePassword(restoreNumbersInAnswer(restorePath(exchange, uuids))))
}

/** Finds which object each cut UUID means: the object that a successful answer shows, or that a 404 names. */
function placeholdersOfCutUuids(exchanges: readonly Exchange[]): Map<string, string> {
  const found = new Map<string, string>()
  for (const { request, response, setup } of exchanges) {
    const [cut] = CUT_UUID.exec(request.path) ?? []
    if (cut === undefined) continue
    const [, shown] =
      /^\{"(?:hypervisor|service)":.*?"id":"(\{[^"]*\})"/.exec(JSON.stringify(response?.body ?? '')) ?? []
    const [, missing] = /'(\{[\w:-]+\})' could not be found|\bService (\{uuid\})/.exec(messageOf(response?.body)) ?? []
    const placeholder = setup === 'a conductor service' ? '{service:nova-conductor}' : (shown ?? missing)
    if (placeholder !== undefined) found.set(cut, placeholder)
  }
  return found
}

function messageOf(body: unknown): string {
  const [fault] = Object.values((body ?? {}) as Record<string, { message?: unknown } | null>)
  return typeof fault?.message === 'string' ? fault.message : ''
}

function restorePath(exchange: Exchange, uuids: ReadonlyMap<string, string>): Exchange {
  const { request, response } = exchange
  const [, number] = /^Invalid uuid (\d+)$/.exec(messageOf(response?.body)) ?? []
  let path = restoreRequestId(exchange).replace(CUT_UUID, (cut) => uuids.get(cut) ?? '{uuid}')
  if (number !== undefined) path = path.replace('{int}', number)
  // The recorded hosts have the numbers 1 and 2.
  if (HYPERVISORS.test(path))
    path = path.replace('/{int}', '/{hypervisor-number:1}').replace(/([?&]marker=)([12])\b/, '$1{hypervisor-number:$2}')
  path = restoreStart(path, response?.body)
  const body = restoreFlavorId(request.body, response?.body)
  return path === request.path && body === request.body
    ? exchange
    : { ...exchange, request: { ...request, path, ...(body === undefined ? {} : { body }) } }
}

/** The recorder replaced the start of a report of usage, but not in the link to the next page. */
function restoreStart(path: string, answer: unknown): string {
  const [, start] = /[?&]start=(\d[^&"]*)/.exec(JSON.stringify(answer ?? '')) ?? []
  return start === undefined ? path : path.replace('start={time:s}', `start=${start}`)
}

/** The recorder replaced a flavor ID that is a number, but not in the answer. */
function restoreFlavorId(body: unknown, answer: unknown): unknown {
  const { flavor: requested } = (body ?? {}) as { flavor?: { id?: unknown } }
  const { flavor: created } = (answer ?? {}) as { flavor?: { id?: unknown } }
  if (requested?.id !== '{int}' || created?.id === undefined || created.id === '{int}') return body
  return { flavor: { ...requested, id: created.id } }
}

/** The recorder also replaced a password that the client had chosen. */
function restorePassword(exchange: Exchange): Exchange {
  const { request, response } = exchange
  const chosen = passwordIn(request.body)
  if (chosen === undefined || passwordIn(response?.body) !== '{adminPass}' || !response) return exchange
  const { server } = response.body as { server: object }
  return { ...exchange, response: { ...response, body: { server: { ...server, adminPass: chosen } } } }
}

const passwordIn = (body: unknown): string | undefined =>
  (body as { server?: { adminPass?: string } } | undefined)?.server?.adminPass

/**
 * All request IDs are recorded as `{req-id}`. Returns the path with the placeholder of the request whose action the
 * answer shows.
 */
function restoreRequestId({ request, response }: Exchange): string {
  const { instanceAction: shown } = (response?.body ?? {}) as { instanceAction?: { action: string; message: unknown } }
  const [, server] = /\{(server:\d+)\}\/os-instance-actions\/\{req-id\}$/.exec(request.path) ?? []
  if (shown === undefined || server === undefined) return request.path
  const past = { action: shown.action, hasFailed: shown.message === 'Error' }
  return request.path.replace('{req-id}', `{${requestPlaceholder(server, past)}}`)
}

/** Replaces the number of the requested aggregate in messages, and the number of a host in links to the next page. */
function restoreNumbersInAnswer(exchange: Exchange): Exchange {
  const { request, response } = exchange
  if (response?.body === undefined) return exchange
  const [, aggregate] = /\{(aggregate:\d+)\}/.exec(request.path) ?? []
  const text = JSON.stringify(response.body)
  let restored = aggregate === undefined ? text : text.replace(/\b(aggregate) \d+/i, `$1 {${aggregate}}`)
  if (HYPERVISORS.test(request.path)) restored = restored.replace(/(&marker=)([12])"/, '$1{hypervisor-number:$2}"')
  return restored === text
    ? exchange
    : { ...exchange, response: { ...response, body: JSON.parse(restored) as unknown } }
}
