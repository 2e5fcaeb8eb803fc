import { ConnectionError } from './errors.ts'

/** Certificates are PEM texts. */
export type Address =
  | { kind: 'unix' /** Paths of UNIX sockets, tried in this order. */; paths: readonly string[] }
  | { kind: 'tcp'; host: string; port: number }
  | { kind: 'tls'; host: string; port: number; tls: TlsOptions }

export interface TlsOptions {
  /** Certificate of the authority that signed the daemon's certificate. */
  ca?: string | Buffer
  cert?: string | Buffer
  key?: string | Buffer
  /** The name that the daemon's certificate must have; default: the address's `host`. */
  servername?: string
}

export interface Target {
  address: Address
  uri: string
}

const runDirectory = '/run/libvirt'
const tcpPort = 16_509
const tlsPort = 16_514

/**
 * Without a host, the address has two UNIX sockets: that of the driver's own daemon (such as virtqemud), then that of
 * libvirtd. `?socket=` replaces both. Throws a ConnectionError with the code `unreachable` if the client cannot use the
 * URI.
 */
export function parseUri(uri: string, tls: TlsOptions = {}): Target {
  const match = /^([a-z]+)(?:\+([a-z]+))?:\/\/([^/]*)(\/[^?]*)(?:\?(.*))?$/.exec(uri)
  if (!match) throw new ConnectionError('unreachable', `${uri} is not a libvirt URI`)
  const [, driver = '', transport, authority = '', path = ''] = match
  const query = new URLSearchParams(match[5])
  const opened = `${driver}://${path}`
  const kind = transport ?? (authority === '' ? 'unix' : 'tls')
  if (kind === 'unix') {
    const socket = query.get('socket')
    return { address: { kind, paths: socket ? [socket] : systemSockets(driver) }, uri: opened }
  }
  if (kind !== 'tcp' && kind !== 'tls') {
    throw new ConnectionError('unreachable', `${uri}: transport ${kind} is not one of unix, tcp, tls`)
  }
  const { host, port } = splitAuthority(uri, authority)
  return { address: remoteAddress(kind, host, port, tls), uri: opened }
}

function remoteAddress(kind: 'tcp' | 'tls', host: string, port: number | undefined, tls: TlsOptions): Address {
  return kind === 'tcp' ? { kind, host, port: port ?? tcpPort } : { kind, host, port: port ?? tlsPort, tls }
}

function systemSockets(driver: string): string[] {
  return [`${runDirectory}/virt${driver}d-sock`, `${runDirectory}/libvirt-sock`]
}

export function formatAddress(address: Address): string {
  return address.kind === 'unix' ? `unix:${address.paths.join('|')}` : `${address.kind}:${address.host}:${address.port}`
}

function splitAuthority(uri: string, authority: string): { host: string; port: number | undefined } {
  const match = /^(?:[^@]*@)?(?:\[([^\]]+)\]|([^:]+))(?::(\d+))?$/.exec(authority)
  const host = match?.[1] ?? match?.[2]
  if (!match || !host) throw new ConnectionError('unreachable', `${uri} has no host`)
  return { host, port: match[3] === undefined ? undefined : Number(match[3]) }
}
