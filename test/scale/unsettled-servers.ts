/** Checks that all Servers reach the state that their spec desires after the last operation. */
import { findCondition, hypervisor, resourceDefOf, type Server, server } from '../../crds/index.ts'
import type { Kube } from '../../kube/client.ts'
import { keyOf } from '../../kube/types.ts'
import { waitUntil } from '../rig/wait-until.ts'

/**
 * Enables all hosts and waits. Resolves to the Servers that are not Ready by the deadline, with their condition Ready.
 */
export async function findUnsettledServers(kube: Kube, hosts: number, deadline = 180_000): Promise<string[]> {
  for (const { metadata } of (await kube.resource(resourceDefOf(hypervisor)).list()).items.slice(0, hosts))
    await kube.resource(resourceDefOf(hypervisor)).patch(metadata, { spec: { disabled: false } })
  let unsettled: Server[] = []
  const areAllSettled = async (): Promise<boolean> => {
    const { items } = await kube.resource(resourceDefOf(server)).list()
    unsettled = items.filter((s) => !isSettled(s))
    return unsettled.length === 0
  }
  await waitUntil(areAllSettled, { what: 'all servers to come to rest', deadline, every: 1000 }).catch(() => undefined)
  return unsettled.map(
    (s) => `${keyOf(s.metadata)}: ${JSON.stringify(findCondition(s.status?.conditions, 'Ready') ?? s.metadata)}`,
  )
}

const isSettled = ({ metadata, status }: Server): boolean =>
  metadata.deletionTimestamp === undefined &&
  findCondition(status?.conditions, 'Ready')?.status === 'True' &&
  status?.observedGeneration === metadata.generation
