import {
  API_VERSION,
  agentManagerOf,
  explainError,
  type Hypervisor,
  ownedStatus,
  type Reason,
  Transient,
  withTransitionTimes,
} from '../crds/index.ts'
import { ignoreNotFound } from '../kube/errors.ts'
import type { Resource } from '../kube/resource.ts'
import type { OwnerReference } from '../kube/types.ts'
import { writeStatus } from '../kube/write-status.ts'
import type { AgentComponents, LibvirtSession } from './components.ts'
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

/** The condition Ready of a Hypervisor, as its agent reports it. */
export interface HostReadiness {
  status: 'True' | 'False'
  reason: Reason
  message: string
}

/**
 * Returns the Hypervisor's condition Ready; undefined until the agent has heard of libvirt.
 * @param session the session with libvirt, whose failure the message contains
 */
export function hostReadinessOf({
  libvirt,
  facts,
  session,
}: Pick<AgentComponents, 'libvirt' | 'facts'> & { session: Pick<LibvirtSession, 'failure'> }):
  | HostReadiness
  | undefined {
  if (libvirt.away) {
    const why = session.failure === undefined ? '' : ` (${explainError(session.failure)})`
    const message = `libvirt does not answer${why}; running guests continue, and no server is placed here until it answers: install libvirt and QEMU on the host, and check that libvirtd runs`
    return { status: 'False', reason: 'LibvirtUnreachable', message }
  }
  if (facts.failure) return { status: 'False', reason: facts.failure.code, message: explainError(facts.failure) }
  if (!facts.known) return undefined
  const { emulatedBecause } = facts.known
  const message = emulatedBecause
    ? `libvirt answers; guests are emulated, because ${emulatedBecause}`
    : 'libvirt answers'
  return { status: 'True', reason: 'Connected', message }
}

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
    ready: HostReadiness
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
