/** When nobody asks for anything any more, everything comes to rest as it was wished. */
import { findCondition, hypervisor, resourceDefOf, type Server, server } from '../../crds/index.ts'
import type { Kube } from '../../kube/client.ts'
import { keyOf } from '../../kube/types.ts'
import { waitUntil } from '../rig/wait-until.ts'

/** Enables all hosts and waits; the servers that have not come to rest by the deadline, with what they say of themselves. */
export async function settled(kube: Kube, hosts: number, deadline = 180_000): Promise<string[]> {
  for (const { metadata } of (await kube.resource(resourceDefOf(hypervisor)).list()).items.slice(0, hosts))
    await kube.resource(resourceDefOf(hypervisor)).patch(metadata, { spec: { disabled: false } })
  let left: Server[] = []
  const look = async (): Promise<boolean> => {
    const pages = kube.resource(resourceDefOf(server)).list()
    left = (await pages).items.filter((s) => !isSettled(s))
    return left.length === 0
  }
  await waitUntil(look, { what: 'all servers to come to rest', deadline, every: 1000 }).catch(() => undefined)
  return left.map(
    (s) => `${keyOf(s.metadata)}: ${JSON.stringify(findCondition(s.status?.conditions, 'Ready') ?? s.metadata)}`,
  )
}

const isSettled = ({ metadata, status }: Server): boolean =>
  metadata.deletionTimestamp === undefined &&
  findCondition(status?.conditions, 'Ready')?.status === 'True' &&
  status?.observedGeneration === metadata.generation
