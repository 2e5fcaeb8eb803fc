// Opens the socket: UNIX paths one after the other, TCP, or TLS with libvirt's own last word.
import { once } from 'node:events'
import { connect, isIP, type Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'
import { type Address, describe } from './address.ts'
import { ConnectionError } from './errors.ts'

/** A connected socket, paused. Throws ConnectionError `unreachable` with the last failure as cause, or the signal's reason. */
export async function dial(address: Address, signal: AbortSignal): Promise<Socket> {
  const attempts =
    address.kind === 'unix' ? address.paths.map((path) => () => connect({ path })) : [() => remote(address)]
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

function remote(address: Exclude<Address, { kind: 'unix' }>): Socket {
  const { host, port } = address
  if (address.kind === 'tcp') return connect({ host, port, noDelay: true, keepAlive: true })
  // RFC 6066: an address is no server name; the certificate is then held against the host.
  const name = isIP(host) ? {} : { servername: host }
  return connectTls({ host, port, minVersion: 'TLSv1.2', ...name, ...address.tls })
}

async function open(socket: Socket, address: Address, signal: AbortSignal): Promise<Socket> {
  try {
    await once(socket, address.kind === 'tls' ? 'secureConnect' : 'connect', { signal })
    if (address.kind === 'tls') await verdict(socket, signal)
    return socket.pause()
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
