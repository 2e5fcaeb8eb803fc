/**
 * Opening an image's source at a byte, over HTTP or from a file. Users choose the URL and the agent reads it, as root and from
 * inside the host's network: so file sources must lie in folders that the operator named, and hosts whose addresses are
 * in `blocked` (default: loopback and link-local, where clouds and nodes answer their own) are refused, also after redirects.
 */

import { lookup } from 'node:dns'
import { createReadStream } from 'node:fs'
import { realpath, stat } from 'node:fs/promises'
import type { IncomingHttpHeaders, IncomingMessage, OutgoingHttpHeaders } from 'node:http'
import { BlockList, isIP, type LookupFunction } from 'node:net'
import type { Readable } from 'node:stream'
import { fileURLToPath } from 'node:url'
import { Terminal } from '../../crds/index.ts'
import { createAbortScope } from '../../kube/abort.ts'
import { sendHttpRequest, targetFromUrl } from '../../kube/http-request.ts'
import { absent } from './files.ts'

export interface SourceOptions {
  /** Folders that file:// sources may lie in. */
  fileRoots: readonly string[]
  /** Addresses that no source may have. */
  blocked?: BlockList
  /** Milliseconds without a byte after which a connection counts as dead. */
  stallTimeout: number
}

/** Tells whether the source is still the same: an ETag that is strong, or Last-Modified; of a file: size and times. */
export type Validator = string

export interface Opened {
  /** First byte of `body`: what was asked for, or 0. */
  start: number
  /** Bytes of the whole source, if known. */
  total: number | undefined
  validator: Validator | undefined
  body: Readable
}

/** The source answers so that asking again is of no use until something changes, or (retry) is. */
export class SourceError extends Error {
  readonly retry: boolean
  constructor(message: string, retry: boolean, details?: { cause?: unknown }) {
    super(message, details)
    this.retry = retry
  }
}

/** Default of `blocked`. */
export function privateAddresses(): BlockList {
  const list = new BlockList()
  list.addSubnet('127.0.0.0', 8)
  list.addSubnet('169.254.0.0', 16)
  list.addSubnet('0.0.0.0', 8)
  list.addAddress('::1', 'ipv6')
  list.addAddress('::', 'ipv6')
  list.addSubnet('fe80::', 10, 'ipv6')
  return list
}

/** Opens sources; disposing of it closes its connections. */
export class Sources {
  readonly #fileRoots: readonly string[]
  readonly #blocked: BlockList
  readonly #stallTimeout: number
  readonly #stop = new AbortController()

  constructor({ fileRoots, blocked = privateAddresses(), stallTimeout }: SourceOptions) {
    this.#fileRoots = fileRoots
    this.#blocked = blocked
    this.#stallTimeout = stallTimeout
  }

  [Symbol.dispose](): void {
    this.#stop.abort(new Error('the agent ends'))
  }

  /**
   * The source from byte `from` on, if it still is what `validator` says; else from its beginning.
   * Throws SourceError, Terminal ImageSourceRefused, and errors of the network.
   */
  async open(url: string, from: number, validator: Validator | undefined, signal: AbortSignal): Promise<Opened> {
    const target = new URL(url)
    if (target.protocol === 'file:') return this.#openFile(fileURLToPath(target), from, validator)
    return this.#openHttp(target, from, validator, signal)
  }

  async #openFile(path: string, from: number, validator: Validator | undefined): Promise<Opened> {
    const real = await realpath(path).catch(absent)
    const roots = await Promise.all(this.#fileRoots.map((root) => realpath(root).catch(absent)))
    if (!roots.some((root) => root !== undefined && (real ?? path).startsWith(`${root}/`))) {
      const allowed = this.#fileRoots.join(', ') || 'none'
      throw new Terminal(
        'ImageSourceRefused',
        `file sources must lie in a folder of the host that its operator named: ${allowed}`,
      )
    }
    if (real === undefined) throw new SourceError('the file is not on this host', false)
    const { size, mtimeMs, ino } = await stat(real)
    const current = `${ino}-${size}-${mtimeMs}`
    const start = current === validator ? from : 0
    return { start, total: size, validator: current, body: createReadStream(real, { start }) }
  }

  async #openHttp(first: URL, from: number, validator: Validator | undefined, signal: AbortSignal): Promise<Opened> {
    const range = from > 0 ? { range: `bytes=${from}-`, ...(validator !== undefined && { 'if-range': validator }) } : {}
    // Stored bytes are what the checksum speaks of.
    const headers = { 'accept-encoding': 'identity', 'user-agent': 'kubenova-agent', ...range }
    let url = first
    for (let hops = 0; hops <= 5; hops++) {
      this.#check(url)
      const response = await this.#get(url, headers, signal)
      const { location } = response.headers
      if (![301, 302, 303, 307, 308].includes(response.statusCode ?? 0) || location === undefined) {
        return interpret(response, from, validator)
      }
      response.destroy()
      url = new URL(location, url)
    }
    throw new SourceError('it redirects more than 5 times', false)
  }

  async #get(url: URL, headers: OutgoingHttpHeaders, signal: AbortSignal): Promise<IncomingMessage> {
    const scope = createAbortScope([signal, this.#stop.signal])
    try {
      const limits = { headersMs: this.#stallTimeout, idleMs: this.#stallTimeout, signal: scope.signal }
      const response = await sendHttpRequest(targetFromUrl(url), { headers, lookup: this.#lookup, ...limits })
      response.once('close', () => scope[Symbol.dispose]())
      return response
    } catch (error) {
      scope[Symbol.dispose]()
      throw error
    }
  }

  #check(url: URL): void {
    if (url.protocol !== 'http:' && url.protocol !== 'https:') {
      throw new Terminal(
        'ImageSourceRefused',
        `the source redirects to ${url.protocol}, only http and https are followed`,
      )
    }
    const host = url.hostname.replace(/^\[(.*)\]$/, '$1')
    if (isIP(host) !== 0 && this.#isBlocked(host)) throw refusedAddress(host)
  }

  #isBlocked(address: string): boolean {
    return this.#blocked.check(address, isIP(address) === 6 ? 'ipv6' : 'ipv4')
  }

  /** The address is judged when it is connected to: a name that is judged first may have another address a moment later. */
  readonly #lookup: LookupFunction = (host, options, callback) => {
    lookup(host, { ...options, all: true }, (error, addresses) => {
      if (error !== null) return callback(error, '')
      const bad = addresses.find((a) => this.#isBlocked(a.address))
      if (bad !== undefined) return callback(refusedAddress(bad.address), '')
      const one = addresses[0]
      if (options.all === true || one === undefined) return callback(null, addresses)
      return callback(null, one.address, one.family)
    })
  }
}

const refusedAddress = (address: string) =>
  new Terminal('ImageSourceRefused', `the source is at ${address}, an address that images may not come from`)

const AGAIN = new Set([408, 425, 429])

function interpret(body: IncomingMessage, from: number, validator: Validator | undefined): Opened {
  const { statusCode = 0, headers } = body
  if (statusCode === 200)
    return { start: 0, total: integer(headers['content-length']), validator: validatorOf(headers), body }
  try {
    if (statusCode === 206) return rest(body, from, validator)
    if (statusCode === 416) throw new RangeUnusable('it has no more bytes than there are already', true)
    throw new SourceError(`it answers ${statusCode}`, statusCode >= 500 || AGAIN.has(statusCode))
  } catch (error) {
    body.destroy()
    throw error
  }
}

function rest(body: IncomingMessage, from: number, validator: Validator | undefined): Opened {
  const said = String(body.headers['content-range'])
  const range = /^bytes (\d+)-\d+\/(\d+|\*)$/.exec(said)
  // A server may heed Range and not If-Range: then only the validator shows that it is another content by now.
  const current = validatorOf(body.headers)
  const isSame = validator === undefined || current === undefined || current === validator
  if (range === null || Number(range[1]) !== from || !isSame)
    throw new RangeUnusable(`it answers bytes=${from}- with ${said}`, true)
  return { start: from, total: integer(range[2]), validator: current ?? validator, body }
}

/** The rest cannot be had: begin anew. */
export class RangeUnusable extends SourceError {}

/** If-Range takes strong ETags only (RFC 9110, 13.1.5). */
function validatorOf(headers: IncomingHttpHeaders): Validator | undefined {
  const etag = headers['etag']
  if (typeof etag === 'string' && etag.startsWith('"')) return etag
  const modified = headers['last-modified']
  return typeof modified === 'string' ? modified : undefined
}

function integer(text: unknown): number | undefined {
  return typeof text === 'string' && /^\d+$/.test(text) ? Number(text) : undefined
}
