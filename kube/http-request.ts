// One HTTP/1.1 exchange over Node's own client: an answer whose body can still be read, or the reason why there is none.
import type { Agent, ClientRequest, IncomingMessage, OutgoingHttpHeaders } from 'node:http'
import { request as https } from 'node:https'
import type { LookupFunction } from 'node:net'
import { TLSSocket } from 'node:tls'
import { urlToHttpOptions } from 'node:url'
import { request as http } from './node-http.ts'

/** Where to; of a URL: {@link targetFromUrl}. */
export interface HttpTarget {
  protocol: string
  hostname: string
  port: string | number | undefined
  /** With its query. */
  path: string
}

export interface HttpRequestOptions {
  agent?: Agent
  method?: string
  headers?: OutgoingHttpHeaders
  body?: string | undefined
  /** Asked when there is a connection, right before the first byte goes out; what it throws is what comes of it. */
  mayWrite?: (() => void) | undefined
  lookup?: LookupFunction
  /** Ends it, the body's reading too, with its reason. */
  signal?: AbortSignal | undefined
  /** Longest time until the answer's headers; 0 or absent: none. */
  headersMs?: number | undefined
  /** Longest silence between two chunks of the body; 0 or absent: none. */
  idleMs?: number | undefined
}

export function targetFromUrl(url: URL): HttpTarget {
  const { protocol, hostname, port, path } = urlToHttpOptions(url)
  return { protocol: protocol ?? '', hostname: hostname ?? '', port: port ?? undefined, path: path ?? '/' }
}

const CUT = 'the connection was cut in the middle of the answer'

/** Rejects with the connection's error, the signal's reason, or a silence. A body that nobody reads to its end is to be destroyed. */
export function sendHttpRequest(target: HttpTarget, options: HttpRequestOptions = {}): Promise<IncomingMessage> {
  const { body, mayWrite, signal, headersMs = 0, idleMs = 0, ...rest } = options
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>()
  if (signal?.aborted) return Promise.reject(signal.reason as Error)
  const call = (target.protocol === 'https:' ? https : http)({ ...target, ...rest })
  // Node sends the body of a DELETE without saying how long it is.
  if (body !== undefined) call.setHeader('content-length', Buffer.byteLength(body))
  let answer: IncomingMessage | undefined
  const end = (why: unknown): void => void (answer ?? call).destroy(why as Error)
  const onAbort = (): void => end(signal?.reason)
  signal?.addEventListener('abort', onAbort, { once: true })
  const silent = (ms: number) => () => end(Object.assign(new Error(`no answer for ${ms} ms`), { code: 'ETIMEDOUT' }))
  const timer = headersMs > 0 ? setTimeout(silent(headersMs), headersMs).unref() : undefined
  call.once('response', (response) => {
    clearTimeout(timer)
    answer = response
    // Whoever reads it hears of the error; one that nobody reads is not ours to complain of.
    response.on('error', (error) => {
      if (error.message === 'aborted') error.message = CUT // all that Node has to say
    })
    const leave = idleMs > 0 ? onIdle(response, idleMs, silent(idleMs)) : undefined
    response.once('close', () => {
      signal?.removeEventListener('abort', onAbort)
      leave?.()
    })
    resolve(response)
  })
  call.on('error', reject)
  call.once('close', () => {
    clearTimeout(timer)
    if (!answer) signal?.removeEventListener('abort', onAbort)
  })
  if (!mayWrite) call.end(body)
  else
    onceConnected(call, () => {
      try {
        mayWrite()
        call.end(body)
      } catch (error) {
        end(error)
      }
    })
  return promise
}

function onceConnected(call: ClientRequest, then: () => void): void {
  call.once('socket', (socket) => {
    // TLS has connected when both ends have said Finished; there is nothing else documented to ask for.
    const isSecured = !(socket instanceof TLSSocket) || socket.getFinished() !== undefined
    if (!isSecured) socket.once('secureConnect', then)
    else if (socket.connecting) socket.once('connect', then)
    else then()
  })
}

/** Answers how to leave: the connection goes on to other exchanges. */
function onIdle({ socket }: IncomingMessage, ms: number, then: () => void): () => void {
  socket.setTimeout(ms)
  socket.on('timeout', then)
  return () => void socket.off('timeout', then)
}

/** The whole body, as UTF-8. */
export async function readBody(response: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  for await (const chunk of response) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks).toString('utf8')
}
