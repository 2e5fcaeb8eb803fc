// One pool of connections for calls and one for watches. Both are replaced when the TLS credentials change.

import type { Agent } from 'node:http'
import { Agent as SecureAgent } from 'node:https'
import type { Socket } from 'node:net'
import type { Auth, Credentials } from './auth.ts'
import { Agent as PlainAgent } from './node-http.ts'

export interface ConnectionPools {
  credentials: Credentials
  /** Limited in number: further calls wait until a connection is free. */
  calls: Agent
  /** Not limited in number: over HTTP/1.1 a watch occupies its connection until it ends. */
  watches: Agent
}

export interface PoolSet {
  current: () => Promise<ConnectionPools>
  close: () => void
}

export const CONNECT_TIMEOUT = 'ERR_CONNECT_TIMEOUT'
const CONNECT_TIMEOUT_MS = 10_000
/**
 * The API server closes idle connections after 90 s. This limit is shorter, so that no request is sent on a connection
 * that the server is closing.
 */
const IDLE_TIMEOUT_MS = 60_000

export function createConnectionPools(auth: Auth, connections: number): PoolSet {
  let tlsKey: string | undefined
  let pools: ConnectionPools | undefined
  const current = async (): Promise<ConnectionPools> => {
    const credentials = await auth.credentials()
    const newTlsKey = JSON.stringify(credentials.tls, (_, v: unknown) =>
      Buffer.isBuffer(v) ? v.toString('base64') : v,
    )
    if (pools && tlsKey === newTlsKey) {
      pools.credentials = credentials
      return pools
    }
    // Calls under way still need their connections, so only idle ones are closed.
    for (const old of [pools?.calls, pools?.watches]) if (old) closeIdleConnections(old)
    const create = (maxSockets: number): Agent => createAgent(auth.server, credentials, maxSockets)
    pools = { credentials, calls: create(connections), watches: create(Infinity) }
    tlsKey = newTlsKey
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
  const options = { keepAlive: true, timeout: IDLE_TIMEOUT_MS, maxSockets }
  const agent = isSecure ? new SecureAgent({ ...options, ...tls }) : new PlainAgent(options)
  // getName returns the name under which an Agent keeps idle connections. There is only one server; Node's default
  // would build a name from all TLS options for each call.
  agent.getName = () => 'server'
  const connect = agent.createConnection.bind(agent)
  agent.createConnection = (...args) => {
    const socket = connect(...args)
    if (socket) limitConnectTime(socket as Socket, isSecure ? 'secureConnect' : 'connect')
    return socket
  }
  return agent
}

function limitConnectTime(socket: Socket, connectEvent: string): void {
  const onTimeout = (): void => {
    socket.destroy(Object.assign(new Error(`no connection in ${CONNECT_TIMEOUT_MS} ms`), { code: CONNECT_TIMEOUT }))
  }
  const timer = setTimeout(onTimeout, CONNECT_TIMEOUT_MS).unref()
  for (const event of [connectEvent, 'close']) socket.once(event, () => clearTimeout(timer))
}

/** From now on, a connection is closed as soon as it is idle. */
function closeIdleConnections(agent: Agent): void {
  agent.maxFreeSockets = 0
  for (const sockets of Object.values(agent.freeSockets)) for (const socket of sockets ?? []) socket.destroy()
}

/**
 * Requests that wait for a connection are ended first, because they would open new connections when the old ones are
 * closed.
 */
function closeAgent(agent: Agent): void {
  const closed = (): Error => new Error('the client was closed')
  for (const waiting of Object.values(agent.requests)) for (const request of waiting ?? []) request.destroy(closed())
  closeIdleConnections(agent)
  agent.destroy()
}
