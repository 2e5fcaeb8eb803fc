/** The real agent as a process of the simulation, on a host of memory. */
import { agentOf } from '../../agent/agent.ts'
import { AgentOptions } from '../../agent/options.ts'
import { clusterParts } from '../../agent/parts.ts'
import type { LocalHost } from '../../agent/server/reconcile.ts'
import type { Kube } from '../../kube/client.ts'
import type { Log } from '../../kube/log.ts'
import { parseOptions } from '../../kube/options.ts'
import type { SimulatedHost } from './host.ts'
import type { Fate } from './link.ts'
import type { Process } from './process.ts'

const defaults = parseOptions(AgentOptions, { args: [], env: {}, prefix: 'SIM' })

export async function agentMain(
  kube: Kube,
  process: Process,
  host: SimulatedHost,
  fate: Fate,
  log: Log,
  spoil: (host: LocalHost) => LocalHost = (whole) => whole,
): Promise<void> {
  const cluster = clusterParts(kube, { ...defaults, hostName: host.name }, log)
  const parts = { ...cluster, ...host.parts(process, fate, cluster) }
  await agentOf({ ...parts, host: spoil(parts.host) }).run(process.stop.signal)
}
