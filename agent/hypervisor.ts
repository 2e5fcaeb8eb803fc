/** This host as a Hypervisor: registered at the start, kept true afterwards. */
import {
  API_VERSION,
  agentManagerOf,
  type Hypervisor,
  ownedStatus,
  Transient,
  withTransitionTimes,
} from '../crds/index.ts'
import { ignoreNotFound } from '../kube/errors.ts'
import type { Resource } from '../kube/resource.ts'
import type { OwnerReference } from '../kube/types.ts'
import { writeStatus } from '../kube/write-status.ts'
import type { Facts } from './host/facts.ts'

/** The Hypervisor of that name; made if it is not there. What an operator has set in it stays. */
export async function register(api: Resource<Hypervisor>, name: string): Promise<Hypervisor> {
  const found = await ignoreNotFound(api.get({ name }))
  // Applied, not created: who creates also owns the fields that defaults fill in, and an operator's apply would then be a conflict.
  return found ?? api.apply({ metadata: { name }, spec: {} }, { fieldManager: agentManagerOf(name) })
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

/** What an agent of this host has learned before. */
export function learnedBefore({ status = {} }: Hypervisor): Facts['status'] {
  const { conditions: _, ...learned } = ownedStatus('Hypervisor', 'agent', status)
  return learned
}

/** The controller writes the object, too: so many conflicts in a row are no accident. */
const TRIES = 5

/** Writes what is known of the host, and whether its libvirt is there. */
export async function report(
  api: Resource<Hypervisor>,
  name: string,
  describe: (seen: Hypervisor) => { facts: Facts['status']; link: typeof connected | typeof away },
  now: string,
): Promise<void> {
  for (let tries = 0; tries < TRIES; tries++) {
    const seen = await api.get({ name })
    const { facts, link } = describe(seen)
    const conditions = withTransitionTimes([{ type: 'Ready', ...link }], seen.status?.conditions, now)
    const owned = ownedStatus('Hypervisor', 'agent', seen.status)
    const status = { ...facts, conditions }
    const { result } = await writeStatus(api, seen, status, { fieldManager: agentManagerOf(name), owned })
    if (result !== 'conflict') return
  }
  throw new Transient('ObjectChanged', `Hypervisor ${name} changes again and again: its status was not written`)
}
