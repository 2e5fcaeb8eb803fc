import { hypervisor, refuseOldDefinitions, server, version } from '../crds/index.ts'
import { parseAddress } from '../kube/address.ts'
import { createKube } from '../kube/client.ts'
import { definitionReader } from '../kube/definitions.ts'
import { serveHealthAndMetrics } from '../kube/health-server.ts'
import { createLog } from '../kube/log.ts'
import { smallHeapPolicy, startPeriodicGc } from '../kube/periodic-gc.ts'
import { runMain } from '../kube/process.ts'
import { readOptionsOrExit } from '../kube/program-options.ts'
import { createAgent } from './agent.ts'
import { AgentOptions } from './options.ts'

/** @param createAgentFor tests pass their own function, which wraps createAgent */
export async function runAgentProgram(createAgentFor = createAgent): Promise<void> {
  // QEMU may run as another user and must be able to enter the agent's directories. Secret files get a mode of their
  // own.
  process.umask(0o022)
  const options = readOptionsOrExit(
    AgentOptions,
    'Makes the domains of this host match the Servers that are placed on it.',
  )
  const log = createLog({ level: options.logLevel, fields: { component: 'agent' } })
  const main = async (signal: AbortSignal): Promise<void> => {
    const { kubeconfig } = options
    await using kube = await createKube({ userAgent: 'kubenova-agent', ...(kubeconfig ? { kubeconfig } : {}) })
    const written = [server.plural, hypervisor.plural]
    await refuseOldDefinitions(written, version, definitionReader(kube, log, signal))
    using _gc = startPeriodicGc(kube.clock, smallHeapPolicy)
    const agent = await createAgentFor(kube, options, log)
    const { host, port } = parseAddress(options.metricsAddress)
    await using _http = await serveHealthAndMetrics({
      host,
      port,
      metrics: kube.metrics,
      ready: agent.ready,
      pages: agent.pages,
    })
    await agent.run(signal)
  }
  await runMain(main, { log })
}
