// /healthz, /readyz and /metrics over plain HTTP: what kubelet and Prometheus ask of every process.
import type { Server, ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Metrics } from './metrics.ts'
import { createServer } from './node-http.ts'

/** Returns (or resolves) when all is well; throws, with the reason as message, when not. */
export type HealthCheck = () => void | Promise<void>

export interface HealthServerOptions {
  /** 0: any free port. */
  port: number
  /** All addresses if absent. */
  host?: string | undefined
  metrics: Metrics
  /** Failing makes kubelet restart us: only what a restart would mend (a stuck event loop shows by itself). */
  health?: Readonly<Record<string, HealthCheck>> | undefined
  /** Failing takes us out of service: caches not yet filled, a backend out of reach. */
  ready?: Readonly<Record<string, HealthCheck>> | undefined
}

export interface HealthServer extends AsyncDisposable {
  readonly port: number
}

const CHECK_MS = 5_000

/** Resolves when it listens; rejects if it cannot. `/readyz/name` asks one check, `?verbose` names all, `?exclude=name` leaves one out. */
export async function serveHealthAndMetrics(options: HealthServerOptions): Promise<HealthServer> {
  const server = createServer((request, response) => {
    handleRequest(options, request.method ?? '', new URL(request.url ?? '/', 'http://local'), response).catch(
      (error: unknown) => {
        send(response, 500, String(error))
      },
    )
  })
  server.requestTimeout = 10_000
  await listen(server, options)
  const { port } = server.address() as AddressInfo
  return {
    port,
    async [Symbol.asyncDispose]() {
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
  method: string,
  url: URL,
  response: ServerResponse,
): Promise<void> {
  if (method !== 'GET' && method !== 'HEAD') return send(response, 405, 'only GET')
  const [, page = '', name] = url.pathname.split('/')
  switch (page) {
    case 'metrics': {
      const { contentType, body } = await options.metrics.text()
      return send(response, 200, body, contentType)
    }
    case 'healthz':
    case 'livez':
      return runChecks(options.health ?? {}, name, url, response)
    case 'readyz':
      return runChecks(options.ready ?? {}, name, url, response)
    default:
      return send(response, 404, 'there are /healthz, /readyz and /metrics')
  }
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
  const results = await Promise.all(chosen.map(async ([name, check]) => ({ name, error: await failureOf(check) })))
  const failed = results.filter(({ error }) => error !== undefined)
  const lines = results.map(({ name, error }) =>
    error === undefined ? `[+]${name} ok` : `[-]${name} failed: ${error}`,
  )
  const verbose = failed.length > 0 || url.searchParams.has('verbose')
  send(response, failed.length > 0 ? 503 : 200, verbose ? `${lines.join('\n')}\n` : 'ok')
}

async function failureOf(check: HealthCheck): Promise<string | undefined> {
  const late = Promise.withResolvers<never>()
  const timer = setTimeout(() => late.reject(new Error(`no answer in ${CHECK_MS} ms`)), CHECK_MS)
  try {
    await Promise.race([Promise.resolve().then(check), late.promise])
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
