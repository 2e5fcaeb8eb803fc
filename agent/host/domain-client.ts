import type { NmiResult, ObservedDomain } from '../../actions/host/index.ts'
import type { DomainOwner } from '../domain/metadata.ts'
import { type CallFunction, type DomainRef, isLibvirtError, proc } from '../libvirt/index.ts'
import { newDefinitionCalls, newPowerCalls } from './domain-calls.ts'
import { errorFromLibvirt } from './errors.ts'
import { newPasswordSetter, type SetPassword } from './guest-agent.ts'
import { newNmiSender, type UnsentNmis } from './nmi.ts'
import { newObserver } from './observe-domain.ts'
import { createOwnedDomainCaller, readOwner } from './owned-domain.ts'

export interface DomainClient {
  list(): Promise<DomainRef[]>
  /**
   * Returns undefined if no Server owns the domain or the domain is gone.
   * @throws a Terminal error (not retried) with the code InvalidXML if the domain's metadata is damaged
   */
  ownerOf(dom: DomainRef): Promise<DomainOwner | undefined>
  of(uid: string): OwnedDomains
}

/** Includes the changes that an administrator has made with libvirt's tools. */
export interface DomainDefinition {
  /** The domain's name, which virsh domrename changes. */
  name: string
  /** The XML of the running domain. If the domain is off: the XML that its next boot will use. */
  xml: string
  /** Whether a QEMU process runs the domain. */
  isActive: boolean
}

/**
 * Operations on a Server's domain. A domain that has the UUID but another owner is foreign: reads and removals treat it
 * as absent, all other operations throw UUIDInUse.
 */
export interface OwnedDomains {
  /**
   * If the domain is starting up, waits a while until it runs or has failed.
   * @throws a Transient error (retried) with the code LibvirtBusy if the start takes longer
   */
  observe(uuid: string): Promise<ObservedDomain>
  /** Returns undefined if there is no domain. */
  readDefinition(uuid: string): Promise<DomainDefinition | undefined>
  define(uuid: string, xml: string): Promise<void>
  /** Resolves when the domain runs, with its saved memory restored. An abort ends the wait, not the start. */
  start(uuid: string, signal: AbortSignal): Promise<void>
  removeManagedSave(uuid: string): Promise<void>
  /** Asks by ACPI and by the guest agent. May take as long as the guest agent takes to answer. */
  shutDown(uuid: string): Promise<void>
  destroy(uuid: string): Promise<void>
  pause(uuid: string): Promise<void>
  unpause(uuid: string): Promise<void>
  save(uuid: string, signal: AbortSignal): Promise<void>
  injectNmi(uuid: string, requestId: string): Promise<NmiResult>
  setPassword: SetPassword
  undefine(uuid: string): Promise<void>
}

/** @param call uses the connection that is open now, and throws ConnectionError while there is none */
export function newDomainClient(call: CallFunction): DomainClient {
  const unsentNmis: UnsentNmis = new Set()
  return {
    async list() {
      try {
        return (await call(proc.connectListAllDomains, { needResults: true, flags: 0 })).domains
      } catch (error) {
        throw errorFromLibvirt(error, 'list the domains')
      }
    },
    async ownerOf(dom) {
      try {
        return await readOwner(call, dom)
      } catch (error) {
        if (isLibvirtError(error, 'VIR_ERR_NO_DOMAIN')) return undefined
        throw errorFromLibvirt(error, 'read whose domain it is')
      }
    },
    of(uid) {
      const withDomain = createOwnedDomainCaller(call, uid)
      const observe = newObserver(call, withDomain)
      const injectNmi = newNmiSender(call, withDomain, unsentNmis)
      const setPassword = newPasswordSetter(call, withDomain)
      return {
        observe,
        injectNmi,
        setPassword,
        ...newDefinitionCalls(call, withDomain),
        ...newPowerCalls(call, withDomain, observe),
      }
    },
  }
}
