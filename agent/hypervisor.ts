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

/** Fields that an operator has set stay as they are. */
export async function ensureHypervisor(api: Resource<Hypervisor>, name: string): Promise<Hypervisor> {
  const found = await ignoreNotFound(api.get({ name }))
  // With create, the agent would also own the fields that the API server sets to defaults, and an operator who later
  // applies one would get a conflict.
  return found ?? api.apply({ metadata: { name }, spec: {} }, { fieldManager: agentManagerOf(name) })
}

export function ownerReferenceOf({ metadata: { name, uid = '' } }: Hypervisor): OwnerReference {
  return { apiVersion: API_VERSION, kind: 'Hypervisor', name, uid }
}

/** The Hypervisor's condition Ready while libvirt answers. */
export const libvirtConnected = { status: 'True', reason: 'Connected', message: 'libvirt answers' } as const
/** After libvirt has been unreachable for longer than a restart takes. */
export const libvirtUnreachable = {
  status: 'False',
  reason: 'LibvirtUnreachable',
  message:
    'libvirt does not answer; running guests continue, and no server is placed here until it answers: check that libvirtd runs on the host',
} as const

/** Returns the facts that this host's agent last wrote, perhaps before a restart. */
export function lastReportedFacts({ status = {} }: Hypervisor): Facts['status'] {
  const { conditions: _, ...facts } = ownedStatus('Hypervisor', 'agent', status)
  return facts
}

/** The controller writes the status too, so a write may conflict. */
const MAX_TRIES = 5

/**
 * @param describe computes the facts and the condition from the Hypervisor that was just read
 * @throws a Transient error (retried) with the code ObjectChanged after MAX_TRIES conflicts
 */
export async function writeHypervisorStatus(
  api: Resource<Hypervisor>,
  name: string,
  describe: (current: Hypervisor) => {
    facts: Facts['status']
    ready: typeof libvirtConnected | typeof libvirtUnreachable
  },
  now: string,
): Promise<void> {
  for (let tries = 0; tries < MAX_TRIES; tries++) {
    const current = await api.get({ name })
    const { facts, ready } = describe(current)
    const conditions = withTransitionTimes([{ type: 'Ready', ...ready }], current.status?.conditions, now)
    const owned = ownedStatus('Hypervisor', 'agent', current.status)
    const status = { ...facts, conditions }
    const { result } = await writeStatus(api, current, status, { fieldManager: agentManagerOf(name), owned })
    if (result !== 'conflict') return
  }
  throw new Transient('ObjectChanged', `Hypervisor ${name} changes again and again: its status was not written`)
}
