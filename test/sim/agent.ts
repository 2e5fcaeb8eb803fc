import { newAgent } from '../../agent/agent.ts'
import { createClusterComponents } from '../../agent/components.ts'
import { AgentOptions } from '../../agent/options.ts'
import type { LocalHost } from '../../agent/server/deps.ts'
import type { Kube } from '../../kube/client.ts'
import type { Log } from '../../kube/log.ts'
import { parseOptions } from '../../kube/options.ts'
import type { SimulatedHost } from './host.ts'
import type { FailureOf } from './link.ts'
import type { Process } from './process.ts'

const defaults = parseOptions(AgentOptions, { args: [], env: {}, prefix: 'SIM' })

export interface AgentEnvironment {
  host: SimulatedHost
  failureOf: FailureOf
  log: Log
  /**
   * Builds a deliberate mistake into the agent's interface to its host. The checks of the simulation must find this
   * mistake (mutations.ts).
   */
  mutateHost?: ((host: LocalHost) => LocalHost) | undefined
}

export async function runAgent(
  kube: Kube,
  process: Process,
  { host, failureOf, log, mutateHost = (original) => original }: AgentEnvironment,
): Promise<void> {
  const cluster = createClusterComponents(kube, { ...defaults, hostName: host.name }, log)
  const components = { ...cluster, ...host.makeComponents(process, failureOf, cluster) }
  await newAgent({ ...components, host: mutateHost(components.host) }).run(process.stop.signal)
}
