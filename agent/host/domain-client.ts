/** The libvirt calls that a Server's domain needs. All of them are idempotent. */
import type { NmiResult, ObservedDomain } from '../../actions/host/index.ts'
import type { DomainOwner } from '../domain/metadata.ts'
import { type CallFunction, type DomainRef, isLibvirtError, proc } from '../libvirt/index.ts'
import { newDefinitionCalls, newPowerCalls } from './domain-calls.ts'
import { errorFromLibvirt } from './errors.ts'
import { newPasswordSetter, type SetPassword } from './guest-agent.ts'
import { newNmiSender, type UnsentNmis } from './nmi.ts'
import { newObserver } from './observe-domain.ts'
import { createOwnedDomainCaller, readOwner } from './owned-domain.ts'

/** Finds the domains of the host and their owners. */
export interface DomainClient {
  /** Lists all domains, running or not, whether a Server owns them or not. */
  list(): Promise<DomainRef[]>
  /**
   * Returns the Server that owns the domain; undefined if none does or the domain is gone.
   * @throws a Terminal error (not retried) with the code InvalidXML if the domain's metadata is damaged
   */
  ownerOf(dom: DomainRef): Promise<DomainOwner | undefined>
  /** The operations on the domains of the Server with this uid. */
  of(uid: string): OwnedDomains
}

/** The domain as libvirt has it, with the changes that an administrator has made with libvirt's tools. */
export interface DomainDefinition {
  /** The domain's name, which virsh domrename changes. */
  name: string
  /** The XML of the running domain. If the domain is off: the XML that its next boot will use. */
  xml: string
  /** Whether a QEMU process runs the domain. */
  isActive: boolean
}

/**
 * Operations on a Server's domain. A domain that has the UUID but is not owned by this Server is foreign. Reads and
 * removals treat a foreign domain as absent; all other operations throw an error with the code UUIDInUse.
 */
export interface OwnedDomains {
  /**
   * Observes the domain. If it is starting up, waits a while until it runs or has failed.
   * @throws a Transient error (retried) with the code LibvirtBusy if the start takes longer
   */
  observe(uuid: string): Promise<ObservedDomain>
  /** Reads the definition of the domain; returns undefined if there is no domain. */
  readDefinition(uuid: string): Promise<DomainDefinition | undefined>
  define(uuid: string, xml: string): Promise<void>
  /** Resolves when the domain runs, with its memory restored if it was saved. An abort ends the wait, not the start. */
  start(uuid: string, signal: AbortSignal): Promise<void>
  removeManagedSave(uuid: string): Promise<void>
  /**
   * Asks the guest to power off, by ACPI and by the guest agent. May take as long as the guest agent takes to answer.
   */
  shutDown(uuid: string): Promise<void>
  destroy(uuid: string): Promise<void>
  pause(uuid: string): Promise<void>
  unpause(uuid: string): Promise<void>
  /** Resolves when the memory is saved. An abort ends the wait, not the save. */
  save(uuid: string, signal: AbortSignal): Promise<void>
  /** Sends an NMI at most once for each `requestId`; see Domains in actions/host/domains.ts. */
  injectNmi(uuid: string, requestId: string): Promise<NmiResult>
  setPassword: SetPassword
  undefine(uuid: string): Promise<void>
}

/** @param call makes a call on the connection that is open now, and throws ConnectionError while there is none */
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
