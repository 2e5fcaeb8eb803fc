/**
 * Opens the source of an image at a byte offset, over HTTP or from a file. Users choose the URL, but the agent reads it
 * as root and from inside the host's network. Therefore a file must lie in a directory that the operator named, and the
 * agent connects to no address in `blocked`, not even after a redirect. By default these are the loopback and
 * link-local addresses, where nodes and clouds serve metadata and credentials.
 */

import { lookup } from 'node:dns'
import type { IncomingHttpHeaders, IncomingMessage, OutgoingHttpHeaders } from 'node:http'
import { BlockList, isIP, type LookupFunction } from 'node:net'
import type { Readable } from 'node:stream'
import { fileURLToPath } from 'node:url'
import { isKubenovaError, Terminal } from '../../crds/index.ts'
import { createAbortScope } from '../../kube/abort.ts'
import { sendHttpRequest, targetFromUrl } from '../../kube/http-request.ts'
import { errorCodeOf } from '../files/errors.ts'
import { toCertificateError } from './certificate-errors.ts'
import { openFileSource } from './file-source.ts'
import { SourceNetwork, type SourceNetworkOptions } from './source-network.ts'

export interface SourceOptions {
  /** Directories that file:// sources may lie in. */
  fileRoots: readonly string[]
  /** Addresses that no source may have. */
  blocked?: BlockList
  network?: SourceNetworkOptions
  /** Milliseconds without a byte after which a connection counts as dead. */
  stallTimeout: number
}

/**
 * Identifies the version of a source. For HTTP it is a strong ETag, otherwise Last-Modified. For a file it is made from
 * inode, size and time.
 */
export type Validator = string

export interface SourceRequest {
  /** Offset of the first missing byte. */
  from: number
  /** The version of the source from which the bytes before `from` came. */
  validator: Validator | undefined
  /** The value of the header Authorization. */
  authorization?: string | undefined
}

export interface OpenedSource {
  /**
   * The offset of the first byte of `body`. 0 if the source has another version or cannot start at the requested
   * offset.
   */
  start: number
  /** Bytes of the whole source, if known. */
  total: number | undefined
  validator: Validator | undefined
  /** In lower case and without parameters, such as text/html. */
  mediaType: string | undefined
  body: Readable
}

export class SourceError extends Error {
  readonly isRetryable: boolean
  constructor(message: string, isRetryable: boolean, details?: { cause?: unknown }) {
    super(message, details)
    this.isRetryable = isRetryable
  }
}

/** The source cannot continue at the requested byte, so the download has to start over. */
export class RangeUnusable extends SourceError {}

/** The default of `blocked` in SourceOptions. */
export function loopbackAndLinkLocal(): BlockList {
  const list = new BlockList()
  list.addSubnet('127.0.0.0', 8)
  list.addSubnet('169.254.0.0', 16)
  list.addSubnet('0.0.0.0', 8)
  list.addAddress('::1', 'ipv6')
  list.addAddress('::', 'ipv6')
  list.addSubnet('fe80::', 10, 'ipv6')
  return list
}

/** Disposing of an opener closes its connections. */
export class SourceOpener {
  readonly #fileRoots: readonly string[]
  readonly #blocked: BlockList
  readonly #network: SourceNetwork
  readonly #stallTimeout: number
  readonly #stop = new AbortController()

  constructor({ fileRoots, blocked = loopbackAndLinkLocal(), network, stallTimeout }: SourceOptions) {
    this.#fileRoots = fileRoots
    this.#blocked = blocked
    this.#network = new SourceNetwork(network)
    this.#stallTimeout = stallTimeout
  }

  [Symbol.dispose](): void {
    this.#stop.abort(new Error('the agent ends'))
  }

  /**
   * Opens the source at byte `from` if its version is still `validator`, otherwise at its beginning. Credentials are
   * not sent to a host that the URL redirects to.
   * @throws SourceError or an error of the network if the source cannot be read
   * @throws a Terminal error (not retried) with the code ImageSourceNotAllowed if the agent may not read the URL,
   * ImageFileMissing if this host lacks the file, or ImageSourceUntrusted if the certificate of the URL's host is not
   * trusted
   */
  async open(url: string, request: SourceRequest, signal: AbortSignal): Promise<OpenedSource> {
    const target = parseUrl(url)
    const { from, validator } = request
    if (target.protocol === 'file:') return openFileSource(pathOf(target), this.#fileRoots, from, validator)
    return this.#openHttp(target, request, signal)
  }

  async #openHttp(first: URL, request: SourceRequest, signal: AbortSignal): Promise<OpenedSource> {
    const { from, validator, authorization } = request
    const range = from > 0 ? { range: `bytes=${from}-`, ...(validator !== undefined && { 'if-range': validator }) } : {}
    // The image's checksum covers the bytes as the source stores them, so the HTTP server must not compress them.
    const headers = { 'accept-encoding': 'identity', 'user-agent': 'kubenova-agent', ...range }
    let url = first
    for (let hops = 0; hops <= 5; hops++) {
      this.#checkUrl(url)
      const isAuthorized = authorization !== undefined && url.origin === first.origin && url.protocol === 'https:'
      const response = await this.#sendGet(url, { ...headers, ...(isAuthorized && { authorization }) }, signal)
      rejectUnauthorized(response, isAuthorized)
      const { location } = response.headers
      if (![301, 302, 303, 307, 308].includes(response.statusCode ?? 0) || location === undefined) {
        return parseResponse(response, from, validator)
      }
      response.destroy()
      url = parseUrl(location, url)
    }
    throw new SourceError('it redirects more than 5 times', false)
  }

  async #sendGet(url: URL, headers: OutgoingHttpHeaders, signal: AbortSignal): Promise<IncomingMessage> {
    const agent = await this.#network.agentFor(url)
    const proxy = this.#network.proxyFor(url)
    // A proxy resolves the host name itself, and its own rules decide which addresses it connects to.
    const lookup = proxy === undefined ? { lookup: this.#lookup } : {}
    const scope = createAbortScope([signal, this.#stop.signal])
    try {
      const limits = { headersMs: this.#stallTimeout, idleMs: this.#stallTimeout, signal: scope.signal }
      const response = await sendHttpRequest(targetFromUrl(url), { agent, headers, ...lookup, ...limits })
      response.once('close', () => scope[Symbol.dispose]())
      return rejectProxyAnswer(response, proxy)
    } catch (error) {
      scope[Symbol.dispose]()
      throw toProxyError(toCertificateError(error, url), proxy)
    }
  }

  #checkUrl(url: URL): void {
    if (url.protocol !== 'http:' && url.protocol !== 'https:') {
      throw new Terminal(
        'ImageSourceNotAllowed',
        `the source redirects to ${url.protocol}, only http and https are followed`,
      )
    }
    const host = url.hostname.replace(/^\[(.*)\]$/, '$1')
    if (isIP(host) !== 0 && this.#isBlocked(host)) throw addressNotAllowedError(host)
    // For the name localhost, a proxy would connect to its own loopback address.
    if (this.#network.proxyFor(url) !== undefined && /(^|\.)localhost\.?$/i.test(host))
      throw addressNotAllowedError(host)
  }

  #isBlocked(address: string): boolean {
    return this.#blocked.check(address, isIP(address) === 6 ? 'ipv6' : 'ipv4')
  }

  /**
   * Refuses blocked addresses on the connection's own lookup, because a second lookup of the same name could give
   * another address.
   */
  readonly #lookup: LookupFunction = (host, options, callback) => {
    lookup(host, { ...options, all: true }, (error, addresses) => {
      if (error !== null) return callback(error, '')
      const blocked = addresses.find(({ address }) => this.#isBlocked(address))
      if (blocked !== undefined) return callback(addressNotAllowedError(blocked.address), '')
      const first = addresses[0]
      if (options.all === true || first === undefined) return callback(null, addresses)
      return callback(null, first.address, first.family)
    })
  }
}

/**
 * @throws a Terminal error (not retried) if the text is no valid URL: the API server's validation does not find every
 * invalid URL
 */
function parseUrl(text: string, base?: URL): URL {
  const url = URL.parse(text, base?.href)
  if (url) return url
  const what = base ? 'the source redirects to something that is no URL' : 'the URL of the Image is not valid'
  throw new Terminal('ImageSourceNotAllowed', `${what}: check its host and its port`)
}

function pathOf(url: URL): string {
  try {
    return fileURLToPath(url)
  } catch (cause) {
    const message = 'the path of the Image’s URL is not valid: write it in UTF-8, with per cent signs for other letters'
    throw new Terminal('ImageSourceNotAllowed', message, { cause })
  }
}

const addressNotAllowedError = (address: string) =>
  new Terminal('ImageSourceNotAllowed', `the source is at ${address}, an address that images may not come from`)

/** The error tells the user what to do about wrong or missing credentials. */
function rejectUnauthorized(response: IncomingMessage, isAuthorized: boolean): void {
  const { statusCode } = response
  if (statusCode !== 401 && statusCode !== 403) return
  response.destroy()
  const advice = isAuthorized
    ? 'it does not take the credentials: correct the Secret that the Image names, then create a ServerAction with action: start'
    : 'if it wants credentials, name a Secret with them in spec.credentialsSecret of the Image'
  throw new SourceError(`it answers ${statusCode}; ${advice}`, false)
}

/** The proxy answers 407 if it demands a user name and password. */
function rejectProxyAnswer(response: IncomingMessage, proxy: string | undefined): IncomingMessage {
  if (proxy === undefined || response.statusCode !== 407) return response
  response.destroy()
  throw new SourceError(proxyRefusal(proxy, 407), false)
}

const proxyRefusal = (proxy: string, status: number) =>
  status === 407
    ? `the proxy ${proxy} asks for a user and a password: they belong into --image-proxy of the agent`
    : `the proxy ${proxy} answers ${status}`

function toProxyError(error: unknown, proxy: string | undefined): unknown {
  if (proxy === undefined || isKubenovaError(error) || error instanceof SourceError) return error
  const code = errorCodeOf(error)
  if (code === undefined) return error
  if (code !== 'ERR_PROXY_TUNNEL') return new SourceError(`through the proxy ${proxy}: ${code}`, true, { cause: error })
  const status = error instanceof Error && 'statusCode' in error ? Number(error.statusCode) : 0
  return new SourceError(proxyRefusal(proxy, status), isRetryableStatus(status), { cause: error })
}

const RETRYABLE_STATUSES = new Set([408, 425, 429])

const isRetryableStatus = (status: number) => status === 0 || status >= 500 || RETRYABLE_STATUSES.has(status)

function parseResponse(body: IncomingMessage, from: number, validator: Validator | undefined): OpenedSource {
  const { statusCode = 0, headers } = body
  if (statusCode === 200)
    return {
      start: 0,
      total: parseInteger(headers['content-length']),
      validator: validatorOf(headers),
      mediaType: mediaTypeOf(headers),
      body,
    }
  try {
    if (statusCode === 206) return parsePartialResponse(body, from, validator)
    if (statusCode === 416) throw new RangeUnusable('it has no more bytes than there are already', true)
    throw new SourceError(`it answers ${statusCode}`, isRetryableStatus(statusCode))
  } catch (error) {
    body.destroy()
    throw error
  }
}

function parsePartialResponse(body: IncomingMessage, from: number, validator: Validator | undefined): OpenedSource {
  const contentRange = String(body.headers['content-range'])
  const range = /^bytes (\d+)-\d+\/(\d+|\*)$/.exec(contentRange)
  // An HTTP server may respect Range but ignore If-Range. Then only the validator (ETag or Last-Modified) in its
  // response shows that the content has changed.
  const current = validatorOf(body.headers)
  const isSameVersion = validator === undefined || current === undefined || current === validator
  if (range === null || Number(range[1]) !== from || !isSameVersion)
    throw new RangeUnusable(`it answers bytes=${from}- with ${contentRange}`, true)
  const mediaType = mediaTypeOf(body.headers)
  return { start: from, total: parseInteger(range[2]), validator: current ?? validator, mediaType, body }
}

/** If-Range takes strong ETags only (RFC 9110, 13.1.5), so a weak ETag is replaced by Last-Modified. */
function validatorOf(headers: IncomingHttpHeaders): Validator | undefined {
  const etag = headers['etag']
  if (typeof etag === 'string' && etag.startsWith('"')) return etag
  const modified = headers['last-modified']
  return typeof modified === 'string' ? modified : undefined
}

/** Undefined if there is no media type, or if it has characters that messages to users must not contain. */
function mediaTypeOf(headers: IncomingHttpHeaders): string | undefined {
  return /^[a-z]+\/[a-z0-9.+-]{1,60}(?=\s*(;|$))/.exec(headers['content-type']?.toLowerCase() ?? '')?.[0]
}

function parseInteger(text: unknown): number | undefined {
  return typeof text === 'string' && /^\d+$/.test(text) ? Number(text) : undefined
}
