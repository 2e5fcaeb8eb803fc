/** The agent as a program: flags, the API server, metrics. */
import { parseAddress } from '../kube/address.ts'
import { createKube } from '../kube/client.ts'
import { serveHealthAndMetrics } from '../kube/health-server.ts'
import { createLog } from '../kube/log.ts'
import { smallHeapPolicy, startPeriodicGc } from '../kube/periodic-gc.ts'
import { runMain } from '../kube/process.ts'
import { readOptionsOrExit } from '../kube/program-options.ts'
import { createAgent } from './agent.ts'
import { AgentOptions } from './options.ts'

/**
 * Runs until the process is told to stop.
 * @param make the agent, of a client of the API server
 */
export async function agentProgram(make = createAgent): Promise<void> {
  // QEMU, who may be another user, must be able to enter our directories; files that others may not read say so themselves.
  process.umask(0o022)
  const options = readOptionsOrExit(
    AgentOptions,
    'Makes the domains of this host match the Servers that are placed on it.',
  )
  const log = createLog({ level: options.logLevel, fields: { component: 'agent' } })
  const main = async (signal: AbortSignal): Promise<void> => {
    const { kubeconfig } = options
    await using kube = await createKube({ userAgent: 'kubenova-agent', ...(kubeconfig ? { kubeconfig } : {}) })
    using _collecting = startPeriodicGc(kube.clock, smallHeapPolicy)
    const agent = await make(kube, options, log)
    const { host, port } = parseAddress(options.metricsAddress)
    await using _http = await serveHealthAndMetrics({ host, port, metrics: kube.metrics, ready: agent.ready })
    await agent.run(signal)
  }
  await runMain(main, { log })
}
