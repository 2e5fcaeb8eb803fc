import { Transient } from '../../crds/index.ts'
import {
  type CallFunction,
  type DomainRef,
  domainState,
  domainUndefineFlags,
  domainXmlFlags,
  isLibvirtError,
  proc,
  saveFlags,
} from '../libvirt/index.ts'
import type { OwnedDomains } from './domain-client.ts'
import { errorFromLibvirt, ignoreInvalidState } from './errors.ts'
import { hasCompleteManagedSave, hasManagedSave, removeManagedSave } from './managed-save.ts'
import { hasQemu, isDomainActive, type ObserveDomain, observeStarted } from './observe-domain.ts'
import type { WithDomain } from './owned-domain.ts'

/** Removes all that libvirt keeps of the domain, except the state of a TPM, for which the flag needs libvirt 8.9. */
const UNDEFINE_ALL =
  domainUndefineFlags.managedSave |
  domainUndefineFlags.snapshotsMetadata |
  domainUndefineFlags.nvram |
  domainUndefineFlags.checkpointsMetadata
/** libvirt's schema lags behind its parser, so VIR_DOMAIN_DEFINE_VALIDATE would refuse valid XML. */
const DEFINE_WITHOUT_VALIDATION = 0
/** Milliseconds that libvirtd gets to power a domain off. A QEMU that hangs on its storage needs long to end. */
const DESTROY_MS = 120_000

export function newDefinitionCalls(
  call: CallFunction,
  withDomain: WithDomain,
): Pick<OwnedDomains, 'readDefinition' | 'define' | 'undefine'> {
  return {
    readDefinition: (uuid) =>
      withDomain(
        'read the definition of the domain',
        uuid,
        async (dom) => {
          const isActive = await isDomainActive(call, dom)
          const flags = isActive ? 0 : domainXmlFlags.inactive
          return { name: dom.name, isActive, xml: (await call(proc.domainGetXmlDesc, { dom, flags })).xml }
        },
        'skip',
      ),
    async define(uuid, xml) {
      await withDomain('define the domain', uuid, async () => undefined)
      try {
        const { dom } = await call(proc.domainDefineXmlFlags, { xml, flags: DEFINE_WITHOUT_VALIDATION })
        // With autostart, libvirtd would start the guest before the agent knows whether the Server is still placed
        // here.
        await call(proc.domainSetAutostart, { dom, autostart: false })
      } catch (error) {
        throw errorFromLibvirt(error, 'define the domain')
      }
    },
    async undefine(uuid) {
      // libvirtd refuses to undefine a domain that was undefined while it ran. Such a domain vanishes when it powers
      // off, so the refusal counts as success.
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

type PowerCalls = Omit<OwnedDomains, 'readDefinition' | 'define' | 'undefine' | 'observe' | 'injectNmi' | 'setPassword'>

export function newPowerCalls(call: CallFunction, withDomain: WithDomain, observe: ObserveDomain): PowerCalls {
  const removeManagedSaveIfAny = async (dom: DomainRef): Promise<void> => {
    if (await hasManagedSave(call, dom)) await removeManagedSave(call, dom)
  }
  /** Throws a Transient error if there is no domain. */
  const withExistingDomain = async (
    doing: string,
    uuid: string,
    act: (dom: DomainRef) => Promise<true>,
  ): Promise<void> => {
    const done = await withDomain(doing, uuid, act)
    if (!done) throw new Transient('LibvirtError', `${doing}: libvirt knows no such domain`)
  }
  return {
    async start(uuid, signal) {
      // An earlier process of the agent may have begun a start. Wait until it has ended.
      if (hasQemu(await observeStarted(observe, uuid, signal))) return
      await withExistingDomain('start the domain', uuid, (dom) =>
        succeedIf(() => isDomainActive(call, dom), call(proc.domainCreateWithFlags, { dom, flags: 0 }, { signal })),
      )
    },
    async removeManagedSave(uuid) {
      await withDomain('remove the managed save', uuid, removeManagedSaveIfAny)
    },
    async shutDown(uuid) {
      await withDomain('ask the guest to power off', uuid, (dom) =>
        ignoreInvalidState(call(proc.domainShutdownFlags, { dom, flags: 0 })),
      )
    },
    async destroy(uuid) {
      const destroy = async (dom: DomainRef): Promise<void> => {
        const timeout = { timeoutMs: DESTROY_MS }
        if (await isDomainActive(call, dom))
          await ignoreInvalidState(call(proc.domainDestroyFlags, { dom, flags: 0 }, timeout))
        await removeManagedSaveIfAny(dom)
      }
      await withDomain('power off the domain', uuid, destroy, 'skip')
    },
    async pause(uuid) {
      // If the domain has powered off in the meantime, `pause` throws, and the next reconcile chooses the action for a
      // domain that is off.
      await withExistingDomain('pause the domain', uuid, (dom) =>
        succeedIf(() => isDomainActive(call, dom), call(proc.domainSuspend, { dom })),
      )
    },
    async unpause(uuid) {
      await withDomain('unpause the domain', uuid, async (dom) => {
        await ignoreInvalidState(call(proc.domainResume, { dom }))
        if (await isAsleep(call, dom)) await ignoreInvalidState(call(proc.domainPmWakeup, { dom, flags: 0 }))
      })
    },
    async save(uuid, signal) {
      const callOptions = { signal, timeoutMs: Infinity }
      await withExistingDomain('save the domain', uuid, (dom) =>
        succeedIf(
          () => hasCompleteManagedSave(call, dom),
          // With this flag the restored guest will run, even if it was paused before the save.
          call(proc.domainManagedSave, { dom, flags: saveFlags.running }, callOptions),
        ),
      )
    },
  }
}

const isAsleep = async (call: CallFunction, dom: DomainRef): Promise<boolean> =>
  (await call(proc.domainGetState, { dom, flags: 0 })).state === domainState.pmsuspended

/**
 * libvirt refuses a call whose resulting state the domain already has. Such a refusal counts as success if `isInResult`
 * confirms the state.
 */
async function succeedIf(isInResult: () => Promise<boolean>, call: Promise<unknown>): Promise<true> {
  try {
    await call
  } catch (error) {
    if (!isLibvirtError(error, 'VIR_ERR_OPERATION_INVALID') || !(await isInResult())) throw error
  }
  return true
}
