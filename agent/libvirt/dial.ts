// Opens the socket: UNIX paths one after the other, TCP, or TLS with libvirt's own last word.
import { once } from 'node:events'
import { connect, isIP, type NetConnectOpts, type Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'
import { type Address, describe } from './address.ts'
import { ConnectionError } from './errors.ts'

/** Bytes that one read takes at most. */
const readMax = 65_536

/** A socket and what it reads. */
export interface Line {
  readonly socket: Socket
  /** From now on `take` gets the first `length` bytes of a buffer that the next read may fill anew. */
  listen(take: (bytes: Buffer, length: number) => void): void
}

/** A connected line, paused. Throws ConnectionError `unreachable` with the last failure as cause, or the signal's reason. */
export async function dial(address: Address, signal: AbortSignal): Promise<Line> {
  const attempts =
    address.kind === 'unix' ? address.paths.map((path) => () => plain({ path })) : [() => remote(address)]
  let last: unknown
  for (const attempt of attempts) {
    try {
      return await open(attempt(), address, signal)
    } catch (error) {
      signal.throwIfAborted()
      last = error
    }
  }
  if (last instanceof ConnectionError) throw last
  const why = last instanceof Error ? last.message : String(last)
  throw new ConnectionError('unreachable', `${describe(address)}: ${why}`, { cause: last })
}

function remote(address: Exclude<Address, { kind: 'unix' }>): Line {
  const { host, port } = address
  if (address.kind === 'tcp') return plain({ host, port, noDelay: true, keepAlive: true })
  // RFC 6066: an address is no server name; the certificate is then held against the host.
  const name = isIP(host) ? {} : { servername: host }
  const socket = connectTls({ host, port, minVersion: 'TLSv1.2', ...name, ...address.tls })
  return { socket, listen: (take) => void socket.on('data', (chunk: Buffer) => take(chunk, chunk.length)) }
}

/** All reads go into one buffer, not through Node's stream with a new buffer each: half of what a small reply costs. */
function plain(options: NetConnectOpts): Line {
  const buffer = Buffer.allocUnsafeSlow(readMax)
  let take: (bytes: Buffer, length: number) => void = () => {}
  const callback = (length: number) => {
    take(buffer, length)
    return true
  }
  const socket = connect({ ...options, onread: { buffer, callback } })
  return { socket, listen: (to) => void (take = to) }
}

async function open(line: Line, address: Address, signal: AbortSignal): Promise<Line> {
  const { socket } = line
  try {
    await once(socket, address.kind === 'tls' ? 'secureConnect' : 'connect', { signal })
    if (address.kind === 'tls') await verdict(socket, signal)
    socket.pause()
    return line
  } catch (error) {
    socket.on('error', () => {}).destroy() // what it says after our giving up is of no use
    throw error
  }
}

/** After the handshake libvirtd judges our certificate and sends one byte, 1, if we may go on; else it hangs up. */
async function verdict(socket: Socket, signal: AbortSignal): Promise<void> {
  const ended = once(socket, 'end', { signal }).then(() => null)
  for (;;) {
    const byte: unknown = socket.read(1)
    if (byte instanceof Buffer) {
      if (byte[0] === 1) return
      throw new ConnectionError('auth', 'the daemon refused our certificate')
    }
    const next = await Promise.race([once(socket, 'readable', { signal }), ended])
    if (next === null) throw new ConnectionError('auth', 'the daemon hung up: it does not accept our certificate')
  }
}
