/** This host as a Hypervisor: registered at the start, kept true afterwards. */
import { AGENT_MANAGER, API_VERSION, type Hypervisor, type NewCondition, stamp } from '../crds/index.ts'
import { applyIfChanged } from '../kube/apply.ts'
import { ignoreNotFound } from '../kube/errors.ts'
import type { Resource } from '../kube/resource.ts'
import type { OwnerReference } from '../kube/types.ts'
import type { Facts } from './host/facts.ts'

/** The Hypervisor of that name; made if it is not there. What an operator has set in it stays. */
export async function register(api: Resource<Hypervisor>, name: string): Promise<Hypervisor> {
  const found = await ignoreNotFound(api.get({ name }))
  // Applied, not created: who creates also owns the fields that defaults fill in, and an operator's apply would then be a conflict.
  return found ?? api.apply({ metadata: { name }, spec: {} }, { fieldManager: AGENT_MANAGER })
}

export function ownerOf({ metadata: { name, uid = '' } }: Hypervisor): OwnerReference {
  return { apiVersion: API_VERSION, kind: 'Hypervisor', name, uid }
}

/** Of libvirt, as the condition Ready has it. */
export const connected = { status: 'True', reason: 'Connected', message: 'libvirt answers' } as const
export const away = {
  status: 'False',
  reason: 'LibvirtUnreachable',
  message:
    'libvirt does not answer: see that libvirtd runs on the host; guests that run go on, no server is placed here until it answers',
} as const

/** What an agent of this host said of it before; what others say of it is left to them. */
export function learnedBefore({ status = {} }: Hypervisor): Facts['status'] {
  const { state: _, used: __, servers: ___, conditions: ____, ...learned } = status
  return learned
}

/** Writes what is known of the host, and whether its libvirt is there. */
export async function report(
  api: Resource<Hypervisor>,
  seen: Hypervisor,
  status: Facts['status'],
  link: typeof connected | typeof away,
  now: string,
): Promise<void> {
  const observedGeneration = seen.metadata.generation ?? 0
  const set: NewCondition[] = [{ type: 'Ready', ...link, observedGeneration }]
  const wanted = { ...status, observedGeneration, conditions: stamp(set, seen.status?.conditions, now) }
  await applyIfChanged(
    api,
    { metadata: { name: seen.metadata.name }, status: wanted },
    { seen, fieldManager: AGENT_MANAGER, subresource: 'status' },
  )
}
