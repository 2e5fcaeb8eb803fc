import { newAgent } from '../../agent/agent.ts'
import { createClusterComponents } from '../../agent/components.ts'
import { AgentOptions } from '../../agent/options.ts'
import type { Kube } from '../../kube/client.ts'
import type { Log } from '../../kube/log.ts'
import { parseOptions } from '../../kube/options.ts'
import { makeSimulatedHost } from './simulated-host.ts'

export interface FleetOptions {
  /** hostNameOf() makes the host's name from this number. */
  first: number
  /** Number of hosts in the fleet. */
  count: number
  log: Log
}

export const hostNameOf = (number: number): string => `sim-${String(number).padStart(4, '0')}`

/** Runs until `signal` aborts. Rejects if an agent fails. */
export async function runFleet(kube: Kube, { first, count, log }: FleetOptions, signal: AbortSignal): Promise<void> {
  const agents = Array.from({ length: count }, (_, i) => {
    const hostName = hostNameOf(first + i)
    const options = parseOptions(AgentOptions, { args: ['--host-name', hostName], env: {}, prefix: '' })
    const cluster = createClusterComponents(kube, options, log.child({ host: hostName }))
    return newAgent({ ...cluster, ...makeSimulatedHost(cluster) })
  })
  await Promise.all(agents.map((agent) => agent.run(signal)))
}
