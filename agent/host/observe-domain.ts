import { setTimeout as delay } from 'node:timers/promises'
import type { ObservedDomain } from '../../actions/host/index.ts'
import { Transient } from '../../crds/index.ts'
import type { DomainOwner } from '../domain/metadata.ts'
import { type CallFunction, type DomainRef, proc } from '../libvirt/index.ts'
import { hasCompleteManagedSave, hasManagedSave, removeManagedSave } from './managed-save.ts'
import type { WithDomain } from './owned-domain.ts'
import { toDomainState } from './states.ts'

/**
 * Milliseconds to wait for a domain that is starting up. Most boots take less. A long restore takes more: the
 * observation then fails, and the agent retries the reconcile.
 */
const STARTING_UP_MS = 1000
const OBSERVE_AGAIN_MS = 50
/**
 * Milliseconds to wait until a restored domain resumes. Usually the domain resumes at once, but it never does if
 * libvirtd was killed during the restore.
 */
const RESUME_MS = 10_000

/**
 * @param wait milliseconds to wait for a domain that is starting up, and a signal that ends the wait early
 * @throws a Transient error (retried) with the code LibvirtBusy if the domain is still starting up after the wait
 */
export type ObserveDomain = (uuid: string, wait?: Wait) => Promise<ObservedDomain>

interface Wait {
  ms: number
  signal?: AbortSignal
}

export function newObserver(call: CallFunction, withDomain: WithDomain): ObserveDomain {
  const observe = async (uuid: string): Promise<ObservedDomain> => {
    const observed = await withDomain(
      'observe the domain',
      uuid,
      (dom, { bootId }) => observeOnce(call, dom, bootId),
      'skip',
    )
    return observed ?? { power: 'missing' }
  }
  return async (uuid, wait = { ms: STARTING_UP_MS }) => {
    const observed = await observeWhile(isStartingUp, () => observe(uuid), wait)
    if (isStartingUp(observed)) throw new Transient('LibvirtBusy', 'libvirt is still starting the domain')
    return observed
  }
}

/** Waits until a start that is under way has ended, and a restored guest has resumed. */
export const observeStarted = (observe: ObserveDomain, uuid: string, signal: AbortSignal): Promise<ObservedDomain> =>
  observeWhile(isRestored, () => observe(uuid, { ms: Infinity, signal }), { ms: RESUME_MS, signal })

/** Observes until the state does not pass by itself any more, or the time is over. Returns the last observation. */
async function observeWhile(
  isPassing: (observed: ObservedDomain) => boolean,
  observe: () => Promise<ObservedDomain>,
  { ms, signal }: Wait,
): Promise<ObservedDomain> {
  const end = performance.now() + ms
  let observed = await observe()
  while (isPassing(observed) && performance.now() < end) {
    await delay(OBSERVE_AGAIN_MS, undefined, signal && { signal })
    observed = await observe()
  }
  return observed
}

/** A paused domain is active, too. */
export const isDomainActive = async (call: CallFunction, dom: DomainRef): Promise<boolean> =>
  (await call(proc.domainIsActive, { dom })).active

/** Whether a QEMU process runs the domain. */
export const hasQemu = ({ power }: ObservedDomain): boolean =>
  power === 'running' || power === 'paused' || power === 'pmsuspended'

/**
 * If libvirtd was killed during a start, it also reports this state after its restart. It then ends the domain within
 * some 200 ms (qemuProcessReconnect), so waiting for the end of this state is safe.
 */
const isStartingUp = ({ power, reason }: ObservedDomain): boolean => power === 'paused' && reason === 'starting up'

/**
 * libvirtd restores a domain's memory as the target of a migration. From the end of that migration until the domain
 * resumes, libvirtd reports this state.
 */
const isRestored = ({ power, reason }: ObservedDomain): boolean => power === 'paused' && reason === 'migrating'

async function observeOnce(call: CallFunction, dom: DomainRef, bootId: DomainOwner['bootId']): Promise<ObservedDomain> {
  const [{ state, reason }, saved] = await Promise.all([
    call(proc.domainGetState, { dom, flags: 0 }),
    hasManagedSave(call, dom),
  ])
  const unsavedState = toDomainState(state, reason, false)
  // A running domain has a managed save only if libvirtd was killed during a save or restore. The save is older than
  // the disk, so restoring it would damage the guest's data.
  if (saved && unsavedState.power === 'running') await removeManagedSave(call, dom)
  const isSaved = saved && unsavedState.power === 'off' && (await hasCompleteManagedSave(call, dom))
  const observed = toDomainState(state, reason, isSaved)
  return { ...observed, ...(hasQemu(observed) && bootId !== undefined ? { bootId } : {}) }
}
