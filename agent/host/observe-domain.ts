/** Observes a domain: its power, its managed save, and the boot that it was defined for. */
import { setTimeout as delay } from 'node:timers/promises'
import type { ObservedDomain } from '../../actions/host/index.ts'
import { Transient } from '../../crds/index.ts'
import type { DomainOwner } from '../domain/metadata.ts'
import { type CallFunction, type DomainRef, proc } from '../libvirt/index.ts'
import { hasCompleteManagedSave, hasManagedSave, removeManagedSave } from './managed-save.ts'
import type { WithDomain } from './owned-domain.ts'
import { toDomainState } from './states.ts'

/**
 * How long a domain that is starting up is observed until it has started or failed, and how often. Most boots end
 * within this time, and so does what a killed libvirtd leaves. The restore of a large memory does not: no reconcile
 * waits for it.
 */
const STARTING_UP_MS = 1000
const OBSERVE_AGAIN_MS = 50

/** @param wait for how long a domain that is starting up is observed, and what ends that early */
export type ObserveDomain = (uuid: string, wait?: { ms: number; signal?: AbortSignal }) => Promise<ObservedDomain>

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
  return async (uuid, { ms, signal } = { ms: STARTING_UP_MS }) => {
    const end = performance.now() + ms
    let observed = await observe(uuid)
    while (isStartingUp(observed) && performance.now() < end) {
      await delay(OBSERVE_AGAIN_MS, undefined, signal && { signal })
      observed = await observe(uuid)
    }
    if (isStartingUp(observed)) throw new Transient('LibvirtBusy', 'libvirt is still starting the domain')
    return observed
  }
}

/** Whether libvirt counts the domain as active: running or paused. */
export const isDomainActive = async (call: CallFunction, dom: DomainRef): Promise<boolean> =>
  (await call(proc.domainIsActive, { dom })).active

/** Whether a QEMU process runs the domain. */
export const hasQemu = ({ power }: ObservedDomain): boolean =>
  power === 'running' || power === 'paused' || power === 'pmsuspended'

/**
 * Whether libvirtd is still starting the domain, so that its state is not final. A libvirtd that was killed during a
 * start and restarted reports this state too: within some 200 ms it ends what is left of the domain, without an event
 * (qemuProcessReconnect).
 */
const isStartingUp = ({ power, reason }: ObservedDomain): boolean => power === 'paused' && reason === 'starting up'

async function observeOnce(call: CallFunction, dom: DomainRef, bootId: DomainOwner['bootId']): Promise<ObservedDomain> {
  const [{ state, reason }, saved] = await Promise.all([
    call(proc.domainGetState, { dom, flags: 0 }),
    hasManagedSave(call, dom),
  ])
  const unsavedState = toDomainState(state, reason, false)
  // libvirtd was killed during a save or a restore. The save is older than the disk: restored after the next crash it
  // would damage the guest.
  if (saved && unsavedState.power === 'running') await removeManagedSave(call, dom)
  const isSaved = saved && unsavedState.power === 'off' && (await hasCompleteManagedSave(call, dom))
  const observed = toDomainState(state, reason, isSaved)
  return { ...observed, ...(hasQemu(observed) && bootId !== undefined ? { bootId } : {}) }
}
