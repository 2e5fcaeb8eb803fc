/** This host as a Hypervisor: registered at the start, kept true afterwards. */
import { AGENT_MANAGER, API_VERSION, type Hypervisor, type NewCondition, type Reason, stamp } from '../crds/index.ts'
import { applyIfChanged } from '../kube/apply.ts'
import { orNotFound } from '../kube/errors.ts'
import type { Resource } from '../kube/resource.ts'
import type { OwnerReference } from '../kube/types.ts'
import type { Facts } from './host/facts.ts'

/** The Hypervisor of that name; made if it is not there. What an operator has set in it stays. */
export async function register(api: Resource<Hypervisor>, name: string): Promise<Hypervisor> {
  const found = await orNotFound(api.get({ name }))
  // Applied, not created: who creates also owns the fields that defaults fill in, and an operator's apply would then be a conflict.
  return found ?? api.apply({ metadata: { name }, spec: {} }, { fieldManager: AGENT_MANAGER })
}

export function ownerOf({ metadata: { name, uid = '' } }: Hypervisor): OwnerReference {
  return { apiVersion: API_VERSION, kind: 'Hypervisor', name, uid }
}

/** `problem`: why the host cannot be used now; undefined: it can. */
export async function report(
  api: Resource<Hypervisor>,
  seen: Hypervisor,
  { status }: Pick<Facts, 'status'>,
  problem: { reason: Reason; message: string } | undefined,
  now: string,
): Promise<void> {
  const observedGeneration = seen.metadata.generation ?? 0
  const why = problem ?? { reason: 'Connected', message: 'libvirt answers' }
  const set: NewCondition[] = [{ type: 'Ready', status: problem ? 'False' : 'True', ...why, observedGeneration }]
  const wanted = { ...status, observedGeneration, conditions: stamp(set, seen.status?.conditions, now) }
  await applyIfChanged(
    api,
    { metadata: { name: seen.metadata.name }, status: wanted },
    { seen, fieldManager: AGENT_MANAGER, subresource: 'status' },
  )
}
