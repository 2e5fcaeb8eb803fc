// Connections to the API server: one set for calls, one for watches, both made anew when the TLS identity changes.

import { Agent, type buildConnector } from 'undici'
import type { Auth, Credentials } from './auth.ts'

export interface Pools {
  credentials: Credentials
  /** Calls share a bounded number of connections; further calls wait. */
  calls: Agent
  /** A watch holds its connection for as long as it lasts (HTTP/1.1): without a bound, so that watches never starve calls. */
  watches: Agent
}

export interface PoolSet {
  current: () => Promise<Pools>
  close: () => Promise<void>
}

export function createPools(auth: Auth, connections: number): PoolSet {
  let identity: string | undefined
  let pools: Pools | undefined
  const current = async (): Promise<Pools> => {
    const credentials = await auth.credentials()
    const seen = JSON.stringify(credentials.tls, (_, v: unknown) => (Buffer.isBuffer(v) ? v.toString('base64') : v))
    if (pools && identity === seen) {
      pools.credentials = credentials
      return pools
    }
    // close() lets calls under way finish; a watch moves to the new identity at its next turn.
    for (const old of [pools?.calls, pools?.watches]) void old?.close()
    const connect = { ...credentials.tls, timeout: 10_000 } as buildConnector.BuildOptions
    const common = { connect, allowH2: false, keepAliveTimeout: 60_000 }
    pools = { credentials, calls: new Agent({ ...common, connections }), watches: new Agent(common) }
    identity = seen
    return pools
  }
  const close = async (): Promise<void> => {
    await Promise.all([pools?.calls.destroy(), pools?.watches.destroy()])
  }
  return { current, close }
}
