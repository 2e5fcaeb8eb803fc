// On demand the proxy hangs, breaks connections, or answers in place of the API server.
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { Agent, request as httpsRequest, type RequestOptions } from 'node:https'
import type { AddressInfo } from 'node:net'
import { pipeline } from 'node:stream'

export interface Answer {
  status: number
  headers?: Record<string, string>
  /** A `Status` object, or any text. Absent: an empty text. */
  body?: object | string
  /** Absent: all requests. */
  only?: (request: { method: string; url: string }) => boolean
  /** How many requests get this answer. Absent: all requests until {@link Proxy.pass}. */
  times?: number
}

export interface Proxy extends AsyncDisposable {
  /** `http://127.0.0.1:port`. The proxy terminates TLS, so that it can answer in the server's place. */
  readonly url: string
  /** Method and path, such as `GET /api/v1/…`. */
  readonly requests: readonly string[]
  /**
   * Forwards new requests again, also after hang(), cut() and answer(). Connections that freeze() or hang() has
   * silenced stay silent. An answer whose `times` is not used up is still given.
   */
  pass(): void
  /** Makes open connections silent for ever without closing them. New connections work. */
  freeze(): void
  /** Like {@link freeze}. In addition, new requests are accepted but never answered. */
  hang(): void
  /** Breaks open connections. New connections work. */
  drop(): void
  /** Like {@link drop}. In addition, new connections break at once. */
  cut(): void
  answer(answer: Answer): void
  /** Resolves when each answer that has `times` has been given that many times. */
  answered(): Promise<void>
}

interface Exchange {
  request: IncomingMessage
  response: ServerResponse
  frozen: boolean
}

type Mode = 'pass' | 'hang' | 'cut'

export async function startProxy(upstream: { server: string; ca: string }): Promise<Proxy> {
  const agent = new Agent({ ca: upstream.ca, keepAlive: true })
  const exchanges = new Set<Exchange>()
  const requests: string[] = []
  const waiting: (() => void)[] = []
  let answers: Answer[] = []
  let mode: Mode = 'pass'

  const server = createServer((request, response) => {
    const method = request.method ?? 'GET'
    const url = request.url ?? '/'
    requests.push(`${method} ${url}`)
    if (mode === 'cut') return void request.destroy()
    const exchange: Exchange = { request, response, frozen: mode === 'hang' }
    exchanges.add(exchange)
    response.on('close', () => exchanges.delete(exchange))
    if (exchange.frozen) return
    const answer = answers.find(({ only }) => only?.({ method, url }) ?? true)
    if (!answer) return forward(upstream, agent, exchange)
    if (answer.times !== undefined && (answer.times -= 1) <= 0) answers = answers.filter((other) => other !== answer)
    sendAnswer(answer, response)
    if (!answers.some(({ times }) => times !== undefined)) for (const resolve of waiting.splice(0)) resolve()
  })
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve))
  const freeze = (): void => {
    for (const exchange of exchanges) exchange.frozen = true
  }
  const drop = (): void => {
    for (const { request } of exchanges) request.destroy()
  }
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    pass() {
      mode = 'pass'
      answers = answers.filter(({ times }) => times !== undefined)
    },
    freeze,
    hang() {
      mode = 'hang'
      freeze()
    },
    drop,
    cut() {
      mode = 'cut'
      drop()
      server.closeIdleConnections()
    },
    answer: (answer) => void answers.push({ ...answer }),
    answered() {
      if (!answers.some(({ times }) => times !== undefined)) return Promise.resolve()
      return new Promise((resolve) => waiting.push(resolve))
    },
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      agent.destroy()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

function sendAnswer({ status, headers = {}, body = '' }: Answer, response: ServerResponse): void {
  const text = typeof body === 'string' ? body : JSON.stringify(body)
  const type = typeof body === 'string' ? 'text/plain' : 'application/json'
  response.writeHead(status, { 'content-type': type, ...headers }).end(text)
}

function forward({ server }: { server: string }, agent: Agent, exchange: Exchange): void {
  const { request, response } = exchange
  const { hostname, port } = new URL(server)
  const { host: _ours, connection: _hop, ...headers } = request.headers
  const options: RequestOptions = { agent, hostname, port, path: request.url, method: request.method, headers }
  const up = httpsRequest(options, (answer) => {
    if (exchange.frozen) return void answer.resume()
    response.writeHead(answer.statusCode ?? 502, answer.headers)
    response.flushHeaders() // a client waits for the headers of a watch before its first event
    answer.on('data', (chunk: Buffer) => {
      if (!exchange.frozen && !response.write(chunk)) {
        answer.pause()
        response.once('drain', () => answer.resume())
      }
    })
    answer.on('end', () => (exchange.frozen ? undefined : response.end()))
    answer.on('error', () => (exchange.frozen ? undefined : response.destroy()))
  })
  up.on('error', () => (exchange.frozen ? undefined : response.destroy()))
  response.on('close', () => up.destroy())
  pipeline(request, up, () => undefined) // errors are handled by the listener of `up`
}
