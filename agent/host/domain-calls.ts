/** Calls of libvirt that change a Server's domain. */
import { Transient } from '../../crds/index.ts'
import { type CallFunction, type DomainRef, isLibvirtError, proc } from '../libvirt/index.ts'
import type { OwnedDomains } from './domain-client.ts'
import { errorFromLibvirt, ignoreInvalidState } from './errors.ts'
import { hasCompleteManagedSave, hasManagedSave, removeManagedSave } from './managed-save.ts'
import { hasQemu, type ObserveDomain } from './observe-domain.ts'
import type { WithDomain } from './owned-domain.ts'

/** VIR_DOMAIN_UNDEFINE_{MANAGED_SAVE,SNAPSHOTS_METADATA,NVRAM,CHECKPOINTS_METADATA}; TPM (32) needs libvirt 8.9. */
const UNDEFINE_ALL = 1 | 2 | 4 | 16
/** VIR_DOMAIN_DEFINE_VALIDATE is not set: libvirt's schema lags behind its parser. */
const DEFINE = 0
/** VIR_DOMAIN_SAVE_RUNNING: it runs when it is restored, also if it was paused. */
const SAVE_RUNNING = 2
/** A QEMU that hangs on its storage is given time to die. */
const DESTROY_MS = 120_000

export function definitionCalls(call: CallFunction, withDomain: WithDomain): Pick<OwnedDomains, 'define' | 'undefine'> {
  return {
    async define(uuid, xml) {
      await withDomain('define the domain', uuid, async () => undefined)
      try {
        await call(proc.domainDefineXmlFlags, { xml, flags: DEFINE })
      } catch (error) {
        throw errorFromLibvirt(error, 'define the domain')
      }
    },
    async undefine(uuid) {
      // libvirtd refuses it for a domain that was undefined while it runs: that one is gone as soon as it is off.
      const isTransient = async (dom: DomainRef): Promise<boolean> =>
        !(await call(proc.domainIsPersistent, { dom })).persistent
      await withDomain(
        'undefine the domain',
        uuid,
        (dom) => succeedIf(() => isTransient(dom), call(proc.domainUndefineFlags, { dom, flags: UNDEFINE_ALL })),
        'skip',
      )
    },
  }
}

type PowerCalls = Omit<OwnedDomains, 'define' | 'undefine' | 'observe' | 'injectNmi' | 'setPassword'>

export function powerCalls(call: CallFunction, withDomain: WithDomain, observe: ObserveDomain): PowerCalls {
  const isActive = async (dom: DomainRef): Promise<boolean> => (await call(proc.domainIsActive, { dom })).active
  const dropSave = async (dom: DomainRef): Promise<void> => {
    if (await hasManagedSave(call, dom)) await removeManagedSave(call, dom)
  }
  /** As `withDomain`, for what needs a domain. */
  const withExisting = async (doing: string, uuid: string, act: (dom: DomainRef) => Promise<true>): Promise<void> => {
    const done = await withDomain(doing, uuid, act)
    if (!done) throw new Transient('LibvirtError', `${doing}: libvirt knows no such domain`)
  }
  return {
    async start(uuid, signal) {
      if (hasQemu(await observe(uuid))) return
      await withExisting('start the domain', uuid, (dom) =>
        succeedIf(() => isActive(dom), call(proc.domainCreateWithFlags, { dom, flags: 0 }, { signal })),
      )
    },
    async removeManagedSave(uuid) {
      await withDomain('remove the managed save', uuid, dropSave)
    },
    async shutDown(uuid) {
      await withDomain('ask the guest to power off', uuid, (dom) =>
        ignoreInvalidState(call(proc.domainShutdownFlags, { dom, flags: 0 })),
      )
    },
    async destroy(uuid) {
      const destroy = async (dom: DomainRef): Promise<void> => {
        const timeout = { timeoutMs: DESTROY_MS }
        if (await isActive(dom)) await ignoreInvalidState(call(proc.domainDestroyFlags, { dom, flags: 0 }, timeout))
        await dropSave(dom)
      }
      await withDomain('power off the domain', uuid, destroy, 'skip')
    },
    async pause(uuid) {
      // A domain that has gone off meanwhile is not paused: the next action depends on its state now.
      await withExisting('pause the domain', uuid, (dom) =>
        succeedIf(() => isActive(dom), call(proc.domainSuspend, { dom })),
      )
    },
    async unpause(uuid) {
      await withDomain('unpause the domain', uuid, (dom) => ignoreInvalidState(call(proc.domainResume, { dom })))
    },
    async save(uuid, signal) {
      const how = { signal, timeoutMs: Infinity }
      await withExisting('save the domain', uuid, (dom) =>
        succeedIf(
          () => hasCompleteManagedSave(call, dom),
          call(proc.domainManagedSave, { dom, flags: SAVE_RUNNING }, how),
        ),
      )
    },
  }
}

/** Takes libvirt's "not in this state" for success if `isSo`: the call was made before. */
async function succeedIf(isSo: () => Promise<boolean>, promise: Promise<unknown>): Promise<true> {
  try {
    await promise
  } catch (error) {
    if (!isLibvirtError(error, 'VIR_ERR_OPERATION_INVALID') || !(await isSo())) throw error
  }
  return true
}
