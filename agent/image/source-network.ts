/**
 * Decides whether the agent reaches an image's source directly or through the operator's proxy, and which certificates
 * it trusts.
 */
import { X509Certificate } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import type { Agent as HttpAgent } from 'node:http'
import { Agent as SecureAgent } from 'node:https'
import { BlockList, isIP } from 'node:net'
import { createSecureContext, getCACertificates, type SecureContext } from 'node:tls'
import { Transient } from '../../crds/index.ts'
import { Agent } from '../../kube/node-http.ts'
import { UsageError } from '../../kube/options.ts'
import { errorCodeOf } from '../files/errors.ts'

export interface SourceNetworkOptions {
  /** A PEM file of certificate authorities that are trusted beside the well-known ones. */
  caFile?: string
  /** URL, with user and password if the proxy asks for them. */
  proxy?: string
  /** Hosts that are reached directly, separated by commas: names with their subdomains, addresses, networks, or `*`. */
  noProxy?: string
}

/** Node.js connection pools. They keep no idle connections, so nothing has to close them. */
interface Agents {
  http: HttpAgent
  https: SecureAgent
}

/**
 * Connection pools that trust the authorities in `ca`. When the content of the CA file changes, a new AgentSet replaces
 * this one.
 */
interface AgentSet {
  ca: string | undefined
  direct: Agents
  proxied: Agents | undefined
}

export class SourceNetwork {
  readonly #caFile: string | undefined
  readonly #proxy: URL | undefined
  readonly #isDirect: (url: URL) => boolean
  #current: AgentSet | undefined

  /**
   * @throws UsageError if noProxy has an invalid network, or if the proxy is no URL. The message does not repeat the
   * proxy, which may contain a password
   */
  constructor({ caFile, proxy, noProxy = '' }: SourceNetworkOptions = {}) {
    this.#caFile = caFile
    this.#proxy = proxy === undefined || proxy === '' ? undefined : parseProxy(proxy)
    this.#isDirect = directMatcher(noProxy)
  }

  /** The host of the proxy, without password; undefined if the URL is reached directly. */
  proxyFor(url: URL): string | undefined {
    return this.#proxy === undefined || this.#isDirect(url) ? undefined : this.#proxy.host
  }

  /** @throws a Transient error (retried) with the code ImageDownloadFailed if the CA file cannot be read */
  async agentFor(url: URL): Promise<HttpAgent> {
    const { direct, proxied } = await this.#agents()
    const agents = this.proxyFor(url) === undefined ? direct : (proxied ?? direct)
    return url.protocol === 'https:' ? agents.https : agents.http
  }

  async #agents(): Promise<AgentSet> {
    const ca = this.#caFile === undefined ? undefined : await readCaFile(this.#caFile)
    if (this.#current !== undefined && this.#current.ca === ca) return this.#current
    const secureContext = ca === undefined ? undefined : createContext(ca)
    const proxy = this.#proxy?.href
    const proxied =
      proxy === undefined ? undefined : newAgents(secureContext, { HTTP_PROXY: proxy, HTTPS_PROXY: proxy })
    this.#current = { ca, direct: newAgents(secureContext), proxied }
    return this.#current
  }
}

function newAgents(secureContext: SecureContext | undefined, proxyEnv = {}): Agents {
  return {
    http: new Agent({ proxyEnv }),
    https: new SecureAgent({ proxyEnv, ...(secureContext && { secureContext }) }),
  }
}

const caFileError = (why: string, cause?: unknown) =>
  new Transient('ImageDownloadFailed', `the agent's --image-ca-file ${why}: its operator has to correct that`, {
    cause,
  })

async function readCaFile(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8')
  } catch (error) {
    throw caFileError(`cannot be read (${errorCodeOf(error) ?? 'unknown error'})`, error)
  }
}

function createContext(ca: string): SecureContext {
  // createSecureContext ignores a certificate that it cannot read. X509Certificate throws if the certificate is
  // damaged.
  const certificates = ca.match(/-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g)
  if (certificates === null) throw caFileError('has no certificate')
  try {
    for (const certificate of certificates) void new X509Certificate(certificate)
    return createSecureContext({ ca: [...getCACertificates('default'), ...certificates] })
  } catch (error) {
    throw caFileError('has a certificate that cannot be read', error)
  }
}

function parseProxy(text: string): URL {
  const url = URL.parse(text)
  if (url === null || !['http:', 'https:'].includes(url.protocol) || !['', '/'].includes(url.pathname))
    throw new UsageError('--image-proxy must be the URL of a proxy, such as http://proxy.example.org:3128')
  return url
}

/** Returns a function that tells whether a URL's host is reached without the proxy. */
function directMatcher(list: string): (url: URL) => boolean {
  const entries = list.split(/[\s,]+/).filter((entry) => entry !== '')
  const networks = new BlockList()
  for (const entry of entries) addNetwork(networks, entry)
  const names = entries.map((entry) => entry.toLowerCase().replace(/^\*?\./, ''))
  return ({ hostname, port, protocol }) => {
    const host = hostname.replace(/^\[(.*)\]$/, '$1').toLowerCase()
    const family = isIP(host)
    if (family !== 0 && networks.check(host, family === 6 ? 'ipv6' : 'ipv4')) return true
    const withPort = `${host}:${port || (protocol === 'https:' ? 443 : 80)}`
    return names.some((name) => name === '*' || [host, withPort].some((h) => h === name || h.endsWith(`.${name}`)))
  }
}

/**
 * Ignores an entry that is a host name, because the caller compares host names as texts.
 * @throws UsageError if the entry has a slash and is no network
 */
function addNetwork(networks: BlockList, entry: string): void {
  const [address = '', prefix, ...more] = entry.split('/')
  const family = isIP(address)
  if (family === 0 && prefix === undefined) return
  const bits = family === 6 ? 128 : 32
  if (family === 0 || more.length > 0 || !isPrefixLength(prefix ?? `${bits}`, bits))
    throw new UsageError(
      `--image-no-proxy: ${entry} is neither a host name nor a network: write a network as 10.0.0.0/8 or fd00::/8`,
    )
  networks.addSubnet(address, prefix === undefined ? bits : Number(prefix), family === 6 ? 'ipv6' : 'ipv4')
}

const isPrefixLength = (text: string, max: number): boolean => /^\d{1,3}$/.test(text) && Number(text) <= max
