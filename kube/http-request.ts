import type { Agent, ClientRequest, IncomingMessage, OutgoingHttpHeaders } from 'node:http'
import { request as https } from 'node:https'
import type { LookupFunction } from 'node:net'
import { TLSSocket } from 'node:tls'
import { urlToHttpOptions } from 'node:url'
import { request as http } from './node-http.ts'

export interface HttpTarget {
  protocol: string
  hostname: string
  port: string | number | undefined
  /** Path and query. */
  path: string
}

export interface HttpRequestOptions {
  agent?: Agent
  method?: string
  headers?: OutgoingHttpHeaders
  body?: string | undefined
  /**
   * Called when the connection is open, right before the first byte is sent. If `mayWrite` throws, nothing is sent, and
   * the request rejects with the error of `mayWrite`.
   */
  mayWrite?: (() => void) | undefined
  lookup?: LookupFunction
  /** When this signal aborts, the request and the reading of the body reject with its reason. */
  signal?: AbortSignal | undefined
  /** Time limit in ms until the headers of the response. 0 or absent: no limit. */
  headersMs?: number | undefined
  /** Longest silence in ms within the body. 0 or absent: no limit. */
  idleMs?: number | undefined
}

export function targetFromUrl(url: URL): HttpTarget {
  const { protocol, hostname, port, path } = urlToHttpOptions(url)
  return { protocol: protocol ?? '', hostname: hostname ?? '', port: port ?? undefined, path: path ?? '/' }
}

const CUT_MESSAGE = 'the connection was cut in the middle of the answer'

/**
 * Rejects with the connection's error, the signal's reason, or, when a time limit is exceeded, an error with the code
 * ETIMEDOUT. The caller must read the body to its end or destroy it.
 */
export function sendHttpRequest(target: HttpTarget, options: HttpRequestOptions = {}): Promise<IncomingMessage> {
  const { body, mayWrite, signal, headersMs = 0, idleMs = 0, ...rest } = options
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>()
  if (signal?.aborted) return Promise.reject(signal.reason as Error)
  const call = (target.protocol === 'https:' ? https : http)({ ...target, ...rest })
  // Node does not set the length of a DELETE's body by itself.
  if (body !== undefined) call.setHeader('content-length', Buffer.byteLength(body))
  let response: IncomingMessage | undefined
  const fail = (reason: unknown): void => void (response ?? call).destroy(reason as Error)
  const onAbort = (): void => fail(signal?.reason)
  signal?.addEventListener('abort', onAbort, { once: true })
  const onSilence = (ms: number) => () =>
    fail(Object.assign(new Error(`no answer for ${ms} ms`), { code: 'ETIMEDOUT' }))
  const timer = headersMs > 0 ? setTimeout(onSilence(headersMs), headersMs).unref() : undefined
  call.once('response', (message) => {
    clearTimeout(timer)
    response = message
    // Without a listener for `error`, an error would end the process.
    message.on('error', (error) => {
      if (error.message === 'aborted') error.message = CUT_MESSAGE // Node's text for any connection that was cut
    })
    const removeIdleListener = idleMs > 0 ? onIdle(message, idleMs, onSilence(idleMs)) : undefined
    message.once('close', () => {
      signal?.removeEventListener('abort', onAbort)
      removeIdleListener?.()
    })
    resolve(message)
  })
  call.on('error', reject)
  call.once('close', () => {
    clearTimeout(timer)
    if (!response) signal?.removeEventListener('abort', onAbort)
  })
  if (!mayWrite) call.end(body)
  else
    onceConnected(call, () => {
      try {
        mayWrite()
        call.end(body)
      } catch (error) {
        fail(error)
      }
    })
  return promise
}

function onceConnected(call: ClientRequest, then: () => void): void {
  call.once('socket', (socket) => {
    // getFinished() returns undefined until this end has sent the last message of its TLS handshake. Node documents no
    // other way to see whether a TLS connection is open.
    const isSecured = !(socket instanceof TLSSocket) || socket.getFinished() !== undefined
    if (!isSecured) socket.once('secureConnect', then)
    else if (socket.connecting) socket.once('connect', then)
    else then()
  })
}

/** Returns a function that removes the listener, because other requests will use the connection. */
function onIdle({ socket }: IncomingMessage, ms: number, then: () => void): () => void {
  socket.setTimeout(ms)
  socket.on('timeout', then)
  return () => void socket.off('timeout', then)
}

/** Reads the whole body as UTF-8. */
export async function readBody(response: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  for await (const chunk of response) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks).toString('utf8')
}
