import { createHash } from 'node:crypto'
import { EventEmitter, on, once } from 'node:events'
import {
  createServer,
  type IncomingMessage,
  type OutgoingHttpHeaders,
  type Server,
  type ServerResponse,
} from 'node:http'
import type { AddressInfo } from 'node:net'

export interface Behaviour {
  body: Buffer
  cutAfter?: number
  /** `ignores If-Range`: respects only Range. `sends from 0`: announces the requested range but sends from byte 0. */
  rangeFault?: 'ignores Range' | 'ignores If-Range' | 'sends from 0'
  /** If undefined, the ETag is computed from the content; if null, none is sent. */
  etag?: string | null
  lastModified?: string
  contentType?: string
  /** If true, the server sends no Content-Length. */
  chunked?: boolean
  status?: number
  location?: string
  gate?: Promise<void>
}

export class TestServer {
  readonly #server: Server
  /** Headers of all requests so far. */
  readonly requests: IncomingMessage['headers'][] = []
  readonly #acknowledgements = new EventEmitter()
  #behaviour: (request: number, path: string) => Behaviour

  private constructor(behaviour: (request: number, path: string) => Behaviour) {
    this.#behaviour = behaviour
    this.#server = createServer((request, response) => void this.#respond(request, response))
  }

  static async start(behaviour: (request: number, path: string) => Behaviour): Promise<TestServer> {
    const server = new TestServer(behaviour)
    server.#server.listen(0, '127.0.0.1')
    await once(server.#server, 'listening')
    return server
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/image`
  }

  setBehaviour(behaviour: (request: number, path: string) => Behaviour): void {
    this.#behaviour = behaviour
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections()
    this.#server.close()
    await once(this.#server, 'close')
  }

  /**
   * The server cuts a connection (`cutAfter`) only when it knows from this call that the client has read all bytes
   * sent.
   */
  acknowledge(bytes: number): void {
    this.#acknowledgements.emit('bytes', bytes)
  }

  async #respond(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const behaviour = this.#behaviour(this.requests.length, request.url ?? '')
    this.requests.push(request.headers)
    const { status = 200, location } = behaviour
    if (status === 200) return this.#sendBody(behaviour, request, response)
    response.writeHead(status, location === undefined ? {} : { location }).end('no')
  }

  async #sendBody(behaviour: Behaviour, request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { body, cutAfter, gate, rangeFault, etag = etagOf(body) } = behaviour
    const start = rangeFault === 'ignores Range' ? undefined : rangeStartOf(request, behaviour, etag)
    if (start !== undefined && start >= body.length) {
      response.writeHead(416, { 'content-range': `bytes */${body.length}` }).end()
      return
    }
    const from = rangeFault === 'sends from 0' ? 0 : (start ?? 0)
    const headers = headersOf(behaviour, etag, from, start !== undefined)
    response.writeHead(start === undefined ? 200 : 206, headers).flushHeaders()
    await gate
    await this.#sendPart(response, body.subarray(from), from, cutAfter ?? body.length)
  }

  async #sendPart(response: ServerResponse, part: Buffer, from: number, cutAfter: number): Promise<void> {
    if (cutAfter >= part.length) {
      response.end(part)
      return
    }
    response.write(part.subarray(0, cutAfter))
    for await (const [bytes] of on(this.#acknowledgements, 'bytes')) if (bytes === from + cutAfter) break
    response.destroy()
  }
}

function headersOf(
  { body, lastModified, contentType, chunked }: Behaviour,
  etag: string | null,
  from: number,
  isPartial: boolean,
): OutgoingHttpHeaders {
  return {
    ...(etag !== null && { etag }),
    ...(lastModified !== undefined && { 'last-modified': lastModified }),
    ...(contentType !== undefined && { 'content-type': contentType }),
    ...(chunked !== true && { 'content-length': body.length - from }),
    ...(isPartial && { 'content-range': `bytes ${from}-${body.length - 1}/${body.length}` }),
  }
}

export const etagOf = (body: Buffer) => `"${createHash('md5').update(body).digest('hex')}"`

function rangeStartOf(
  request: IncomingMessage,
  { rangeFault, lastModified }: Behaviour,
  etag: string | null,
): number | undefined {
  const match = /^bytes=(\d+)-$/.exec(request.headers.range ?? '')
  if (match === null) return undefined
  const condition = request.headers['if-range']
  const isSameVersion = condition === undefined || condition === etag || condition === lastModified
  return isSameVersion || rangeFault === 'ignores If-Range' ? Number(match[1]) : undefined
}
