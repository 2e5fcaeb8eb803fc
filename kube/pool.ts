// Connections to the API server: one set for calls, one for watches, both made anew when the TLS identity changes.

import type { Agent } from 'node:http'
import { Agent as SecureAgent } from 'node:https'
import type { Socket } from 'node:net'
import type { Auth, Credentials } from './auth.ts'
import { Agent as PlainAgent } from './node-http.ts'

export interface ConnectionPools {
  credentials: Credentials
  /** Calls share a bounded number of connections; further calls wait. */
  calls: Agent
  /** A watch holds its connection for as long as it lasts (HTTP/1.1): without a bound, so that watches never starve calls. */
  watches: Agent
}

export interface PoolSet {
  current: () => Promise<ConnectionPools>
  close: () => void
}

/** Code of the error of a connection that could not be made in time. */
export const CONNECT_TIMEOUT = 'ERR_CONNECT_TIMEOUT'
const CONNECT_MS = 10_000
/** Below the 90 s after which the API server closes a connection that is not used: one that is about to be closed is not taken. */
const KEEP_MS = 60_000

export function createConnectionPools(auth: Auth, connections: number): PoolSet {
  let identity: string | undefined
  let pools: ConnectionPools | undefined
  const current = async (): Promise<ConnectionPools> => {
    const credentials = await auth.credentials()
    const seen = JSON.stringify(credentials.tls, (_, v: unknown) => (Buffer.isBuffer(v) ? v.toString('base64') : v))
    if (pools && identity === seen) {
      pools.credentials = credentials
      return pools
    }
    // Calls under way finish on the old ones; a watch moves to the new identity at its next turn.
    for (const old of [pools?.calls, pools?.watches]) if (old) closeIdleConnections(old)
    const make = (maxSockets: number): Agent => createAgent(auth.server, credentials, maxSockets)
    pools = { credentials, calls: make(connections), watches: make(Infinity) }
    identity = seen
    return pools
  }
  return {
    current,
    close() {
      for (const agent of [pools?.calls, pools?.watches]) if (agent) closeAgent(agent)
    },
  }
}

function createAgent(server: string, { tls }: Credentials, maxSockets: number): Agent {
  const isSecure = server.startsWith('https:')
  const options = { keepAlive: true, timeout: KEEP_MS, maxSockets }
  const agent = isSecure ? new SecureAgent({ ...options, ...tls }) : new PlainAgent(options)
  // There is one server; else a name is made of all certificates for each call.
  agent.getName = () => 'server'
  const connect = agent.createConnection.bind(agent)
  agent.createConnection = (...args) => {
    const socket = connect(...args)
    if (socket) limitConnectTime(socket as Socket, isSecure ? 'secureConnect' : 'connect')
    return socket
  }
  return agent
}

function limitConnectTime(socket: Socket, done: string): void {
  const late = (): void => {
    socket.destroy(Object.assign(new Error(`no connection in ${CONNECT_MS} ms`), { code: CONNECT_TIMEOUT }))
  }
  const timer = setTimeout(late, CONNECT_MS).unref()
  for (const event of [done, 'close']) socket.once(event, () => clearTimeout(timer))
}

/** No connection is kept any more. */
function closeIdleConnections(agent: Agent): void {
  agent.maxFreeSockets = 0
  for (const sockets of Object.values(agent.freeSockets)) for (const socket of sockets ?? []) socket.destroy()
}

/** Ends all; those that wait for a connection, too, which would otherwise open others. */
function closeAgent(agent: Agent): void {
  const closed = (): Error => new Error('the client was closed')
  for (const waiting of Object.values(agent.requests)) for (const request of waiting ?? []) request.destroy(closed())
  closeIdleConnections(agent)
  agent.destroy()
}
