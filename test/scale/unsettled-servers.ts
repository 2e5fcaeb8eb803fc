import { findCondition, hypervisor, resourceDefOf, type Server, server } from '../../crds/index.ts'
import type { Kube } from '../../kube/client.ts'
import { keyOf } from '../../kube/types.ts'
import { waitUntil } from '../rig/wait-until.ts'

export async function enableHosts(kube: Kube): Promise<void> {
  const hypervisors = kube.resource(resourceDefOf(hypervisor))
  for (const { metadata } of (await hypervisors.list()).items)
    await hypervisors.patch(metadata, { spec: { disabled: false } })
}

/**
 * A Server is settled if it is Ready for the newest spec and not being deleted. After `deadline` milliseconds, resolves
 * to descriptions of the Servers that are not settled.
 */
export async function waitUntilServersSettle(kube: Kube, deadline = 180_000): Promise<string[]> {
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
