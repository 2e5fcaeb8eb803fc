/** An HTTP server for tests, which serves bytes and misbehaves as it is told. */
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
  /** Ends the connection after so many bytes of the answer. */
  cutAfter?: number
  /** true: Range is not heeded. 'blind': If-Range is not heeded, the range is. 'lies': sends from byte 0 and says otherwise. */
  ranges?: boolean | 'blind' | 'lies'
  /** undefined: an ETag of the content. */
  etag?: string | null
  lastModified?: string
  /** Without Content-Length. */
  chunked?: boolean
  status?: number
  location?: string
  /** Waits for this before the first byte of the body. */
  gate?: Promise<void>
}

export class TestServer {
  readonly #server: Server
  /** Headers of the requests so far. */
  readonly requests: IncomingMessage['headers'][] = []
  readonly #read = new EventEmitter()
  #behaviour: (request: number, path: string) => Behaviour

  private constructor(behaviour: (request: number, path: string) => Behaviour) {
    this.#behaviour = behaviour
    this.#server = createServer((request, response) => void this.#serve(request, response))
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

  /** Behaviour from the next request on. */
  become(behaviour: (request: number, path: string) => Behaviour): void {
    this.#behaviour = behaviour
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections()
    this.#server.close()
    await once(this.#server, 'close')
  }

  /** Says that the client has so many bytes of the content: an answer is cut only after the client has read what was sent. */
  seen(bytes: number): void {
    this.#read.emit('bytes', bytes)
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const how = this.#behaviour(this.requests.length, request.url ?? '')
    this.requests.push(request.headers)
    if (how.status === undefined || how.status === 200) return this.#answer(how, request, response)
    response.writeHead(how.status, how.location === undefined ? {} : { location: how.location }).end('no')
  }

  async #answer(how: Behaviour, request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { body } = how
    const etag = how.etag === undefined ? etagOf(body) : how.etag
    const start = how.ranges === true ? undefined : rangeStart(request, how, etag)
    if (start !== undefined && start >= body.length) {
      response.writeHead(416, { 'content-range': `bytes */${body.length}` }).end()
      return
    }
    const from = how.ranges === 'lies' ? 0 : (start ?? 0)
    response.writeHead(start === undefined ? 200 : 206, headersOf(how, etag, from, start !== undefined)).flushHeaders()
    await how.gate
    await this.#send(response, body.subarray(from), from, how.cutAfter ?? body.length)
  }

  async #send(response: ServerResponse, part: Buffer, from: number, cutAfter: number): Promise<void> {
    if (cutAfter >= part.length) {
      response.end(part)
      return
    }
    response.write(part.subarray(0, cutAfter))
    for await (const [bytes] of on(this.#read, 'bytes')) if (bytes === from + cutAfter) break
    response.destroy()
  }
}

function headersOf(
  { body, lastModified, chunked }: Behaviour,
  etag: string | null,
  from: number,
  partial: boolean,
): OutgoingHttpHeaders {
  return {
    ...(etag !== null && { etag }),
    ...(lastModified !== undefined && { 'last-modified': lastModified }),
    ...(chunked !== true && { 'content-length': body.length - from }),
    ...(partial && { 'content-range': `bytes ${from}-${body.length - 1}/${body.length}` }),
  }
}

export const etagOf = (body: Buffer) => `"${createHash('md5').update(body).digest('hex')}"`

function rangeStart(
  request: IncomingMessage,
  { ranges, lastModified }: Behaviour,
  etag: string | null,
): number | undefined {
  const match = /^bytes=(\d+)-$/.exec(request.headers.range ?? '')
  if (match === null) return undefined
  const condition = request.headers['if-range']
  const holds = condition === undefined || condition === etag || condition === lastModified
  return holds || ranges === 'blind' ? Number(match[1]) : undefined
}
