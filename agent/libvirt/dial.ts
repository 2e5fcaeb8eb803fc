// Opens the socket to a daemon. With TLS, also waits until libvirtd has accepted the client's certificate.
import { once } from 'node:events'
import { connect, isIP, type NetConnectOpts, type Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'
import { type Address, formatAddress } from './address.ts'
import { ConnectionError } from './errors.ts'

/** Bytes. */
const readMax = 65_536

/** On a plain socket, all reads share one buffer. */
export interface Line {
  readonly socket: Socket
  /** Calls `take` after each read with `length` new bytes at the start of `bytes`. The next read may overwrite them. */
  listen(take: (bytes: Buffer, length: number) => void): void
}

/**
 * The socket of the returned Line is paused. Throws the signal's reason if the signal aborts.
 * @throws ConnectionError with the code `auth` if the daemon does not accept the client certificate
 * @throws ConnectionError with the code `unreachable` if every attempt fails; its cause is the last attempt's error
 */
export async function dialDaemon(address: Address, signal: AbortSignal): Promise<Line> {
  const attempts =
    address.kind === 'unix'
      ? address.paths.map((path) => () => openPlainLine({ path }))
      : [() => openRemoteLine(address)]
  let last: unknown
  for (const attempt of attempts) {
    try {
      return await waitUntilConnected(attempt(), address, signal)
    } catch (error) {
      signal.throwIfAborted()
      last = error
    }
  }
  if (last instanceof ConnectionError) throw last
  const why = last instanceof Error ? last.message : String(last)
  throw new ConnectionError('unreachable', `${formatAddress(address)}: ${why}`, { cause: last })
}

function openRemoteLine(address: Exclude<Address, { kind: 'unix' }>): Line {
  const { host, port } = address
  if (address.kind === 'tcp') return openPlainLine({ host, port, noDelay: true, keepAlive: true })
  // TLS forbids an IP address as server name (RFC 6066). Node then compares the certificate with `host`.
  const name = isIP(host) ? {} : { servername: host }
  const socket = connectTls({ host, port, minVersion: 'TLSv1.2', ...name, ...address.tls })
  return { socket, listen: (take) => void socket.on('data', (chunk: Buffer) => take(chunk, chunk.length)) }
}

/**
 * All reads go into one buffer. Node's streams make a new buffer for each read, which would double the cost of a small
 * reply.
 */
function openPlainLine(options: NetConnectOpts): Line {
  const buffer = Buffer.allocUnsafeSlow(readMax)
  let take: (bytes: Buffer, length: number) => void = () => {}
  const callback = (length: number) => {
    take(buffer, length)
    return true
  }
  const socket = connect({ ...options, onread: { buffer, callback } })
  return { socket, listen: (to) => void (take = to) }
}

async function waitUntilConnected(line: Line, address: Address, signal: AbortSignal): Promise<Line> {
  const { socket } = line
  try {
    await once(socket, address.kind === 'tls' ? 'secureConnect' : 'connect', { signal })
    if (address.kind === 'tls') await waitForCertificateCheck(socket, signal)
    socket.pause()
    return line
  } catch (error) {
    socket.on('error', () => {}).destroy() // Ignores further errors: the caller gets the first.
    throw error
  }
}

/**
 * libvirtd checks the client certificate after the TLS handshake. It sends the byte 1 to accept the certificate;
 * otherwise it hangs up.
 */
async function waitForCertificateCheck(socket: Socket, signal: AbortSignal): Promise<void> {
  const ended = once(socket, 'end', { signal }).then(() => null)
  for (;;) {
    const byte: unknown = socket.read(1)
    if (byte instanceof Buffer) {
      if (byte[0] === 1) return
      throw new ConnectionError('auth', 'the daemon refused the client certificate')
    }
    const next = await Promise.race([once(socket, 'readable', { signal }), ended])
    if (next === null)
      throw new ConnectionError('auth', 'the daemon hung up: it does not accept the client certificate')
  }
}
