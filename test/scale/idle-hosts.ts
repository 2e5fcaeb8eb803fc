/**
 * Hosts without agents, to measure the controller alone. Each host has a Hypervisor, and a Lease that this process
 * renews.
 */
import { HOST_LEASE } from '../../controller/controller.ts'
import { agentManagerOf, type Hypervisor, hypervisor, resourceDefOf } from '../../crds/index.ts'
import type { Kube } from '../../kube/client.ts'
import { startHeartbeat } from '../../kube/heartbeat.ts'
import { runParallel } from '../../kube/testing/rig.ts'
import { hostNameOf } from './fleet.ts'
import { factsOf } from './simulated-host.ts'

const DURATION_MS = 60_000

/** Resolves when all hosts exist. Renews their Leases until `signal` aborts. */
export async function keepHosts(kube: Kube, count: number, signal: AbortSignal): Promise<void> {
  const api = kube.resource(resourceDefOf(hypervisor))
  const [label = '', value = ''] = HOST_LEASE.split('=')
  await runParallel(count, 32, async (i) => {
    const name = hostNameOf(1 + i)
    const status: Hypervisor['status'] = factsOf(name).status
    const agent = { fieldManager: agentManagerOf(name) }
    const host = await api.apply({ metadata: { name }, spec: {} }, agent)
    // Keep the status that an agent has already written.
    if (!host.status?.capacity) await api.applyStatus({ metadata: { name }, status }, agent)
    const lease = { namespace: 'kubenova-system', name, identity: name, labels: { [label]: value } }
    startHeartbeat({ kube, ...lease, durationMs: DURATION_MS, everyMs: DURATION_MS / 3 }, signal)
  })
}
