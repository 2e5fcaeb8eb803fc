import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { exposeProcessMetrics, type Metrics } from './metrics.ts'
import { createServer } from './node-http.ts'

/** Returns or resolves if the check passes. Throws an error with the reason if it fails. */
export type HealthCheck = () => void | Promise<void>

export interface HealthServerOptions {
  /** The port to listen on; 0: any free port. */
  port: number
  /** The address to listen on. Absent: all addresses. */
  host?: string | undefined
  metrics: Metrics
  /** The checks of /readyz by name. /healthz has none: it succeeds as long as the event loop runs. */
  ready?: Readonly<Record<string, HealthCheck>> | undefined
  /** Pages that answer a POST, by name. Each must check its callers, because any process can reach the port. */
  pages?: Readonly<Record<string, Page>> | undefined
}

/** Answers the body of a POST. `address` is the IP address of the sender. */
export type Page = (body: string, address: string) => Promise<{ status: number; body: string }>

export interface HealthServer extends AsyncDisposable {
  readonly port: number
}

const CHECK_TIMEOUT_MS = 5_000
const MAX_BODY_BYTES = 65_536

/**
 * Starts the server; resolves when it listens. `/readyz/<name>` runs one check, `?verbose` lists all checks,
 * `?exclude=<name>` leaves one out.
 */
export async function serveHealthAndMetrics(options: HealthServerOptions): Promise<HealthServer> {
  const server = createServer((request, response) => {
    handleRequest(options, request, new URL(request.url ?? '/', 'http://local'), response).catch((error: unknown) => {
      send(response, 500, String(error))
    })
  })
  server.requestTimeout = 10_000
  await listen(server, options)
  const stopProcessMetrics = exposeProcessMetrics(options.metrics)
  const { port } = server.address() as AddressInfo
  return {
    port,
    async [Symbol.asyncDispose]() {
      stopProcessMetrics()
      const closed = Promise.withResolvers<void>()
      server.close(() => closed.resolve())
      server.closeAllConnections()
      await closed.promise
    },
  }
}

function listen(server: Server, { port, host }: HealthServerOptions): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  server.once('error', reject)
  server.listen({ port, ...(host === undefined ? {} : { host }) }, () => {
    server.off('error', reject)
    resolve()
  })
  return promise
}

async function handleRequest(
  options: HealthServerOptions,
  request: IncomingMessage,
  url: URL,
  response: ServerResponse,
): Promise<void> {
  const { method } = request
  const answer = options.pages?.[url.pathname.slice(1)]
  if (method === 'POST' && answer) return answerPost(request, answer, response)
  if (method !== 'GET' && method !== 'HEAD') return send(response, 405, 'only GET')
  const [, page = '', name] = url.pathname.split('/')
  switch (page) {
    case 'metrics': {
      const { contentType, body } = await options.metrics.text()
      return send(response, 200, body, contentType)
    }
    case 'healthz':
    case 'livez':
      return runChecks({}, name, url, response)
    case 'readyz':
      return runChecks(options.ready ?? {}, name, url, response)
    default:
      return send(response, 404, 'this server has /healthz, /readyz and /metrics')
  }
}

async function answerPost(request: IncomingMessage, answer: Page, response: ServerResponse): Promise<void> {
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length
    if (size > MAX_BODY_BYTES) return send(response, 413, `a body has at most ${MAX_BODY_BYTES} bytes`)
    chunks.push(chunk)
  }
  const { status, body } = await answer(Buffer.concat(chunks).toString('utf8'), request.socket.remoteAddress ?? '')
  send(response, status, body)
}

async function runChecks(
  checks: Readonly<Record<string, HealthCheck>>,
  only: string | undefined,
  url: URL,
  response: ServerResponse,
): Promise<void> {
  const excluded = new Set(url.searchParams.getAll('exclude'))
  const chosen = Object.entries(checks).filter(([name]) => (only ? name === only : !excluded.has(name)))
  if (only && chosen.length === 0) return send(response, 404, `no check ${only}`)
  const results = await Promise.all(chosen.map(async ([name, check]) => ({ name, error: await runCheck(check) })))
  const failed = results.filter(({ error }) => error !== undefined)
  const lines = results.map(({ name, error }) =>
    error === undefined ? `[+]${name} ok` : `[-]${name} failed: ${error}`,
  )
  const verbose = failed.length > 0 || url.searchParams.has('verbose')
  send(response, failed.length > 0 ? 503 : 200, verbose ? `${lines.join('\n')}\n` : 'ok')
}

/** Undefined if the check passes. */
async function runCheck(check: HealthCheck): Promise<string | undefined> {
  const timeout = Promise.withResolvers<never>()
  const timer = setTimeout(() => timeout.reject(new Error(`no answer in ${CHECK_TIMEOUT_MS} ms`)), CHECK_TIMEOUT_MS)
  try {
    await Promise.race([Promise.resolve().then(check), timeout.promise])
    return undefined
  } catch (error) {
    return error instanceof Error ? error.message : String(error)
  } finally {
    clearTimeout(timer)
  }
}

function send(response: ServerResponse, status: number, body: string, type = 'text/plain; charset=utf-8'): void {
  response.writeHead(status, { 'content-type': type, 'cache-control': 'no-store', 'x-content-type-options': 'nosniff' })
  response.end(body)
}
