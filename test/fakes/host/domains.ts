/** Each function changes a fake machine as one libvirt call changes a real domain. */
import type { Domains, Guest, NmiResult, ObservedDomain, Progress } from '../../../actions/host/index.ts'
import { Terminal, Transient } from '../../../crds/index.ts'
import { type BootDisk, type FakeDomain, type ForeignDomain, type Machine, type MachineOf } from './machine.ts'

export function fakeDomains(machineOf: MachineOf): Domains {
  const machineOfGuest = ({ server }: Guest): Machine => machineOf(server.metadata.uid)
  /** Throws UUIDInUse if a foreign domain has the UUID of the guest. */
  const ownMachineOf = (guest: Guest): Machine => {
    const machine = machineOfGuest(guest)
    if (machine.foreignDomain) throw uuidInUse(machine.foreignDomain)
    return machine
  }
  // A save that is under way shows in the observation, and is completed afterwards. A restore is completed before the
  // observation, because with libvirt it ends before the agent can observe the domain.
  const observe = async (guest: Guest): Promise<ObservedDomain> => {
    endRestore(machineOfGuest(guest))
    const observed = observeDomain(machineOfGuest(guest))
    endOngoing(machineOfGuest(guest))
    return observed
  }
  return {
    define: async (guest, bootId) => defineDomain(ownMachineOf(guest), bootId, bootDiskOf(guest)),
    checkDefinition: async (guest) => requireBootDisk(ownMachineOf(guest), bootDiskOf(guest)),
    start: async (guest) => startDomain(ownMachineOf(guest)),
    requestShutdown: async (guest) => pressPowerButton(ownMachineOf(guest)),
    destroy: async (guest) => destroyDomain(machineOfGuest(guest)),
    pause: async (guest) => pauseDomain(ownMachineOf(guest)),
    unpause: async (guest) => unpauseDomain(ownMachineOf(guest)),
    save: async (guest) => saveDomain(ownMachineOf(guest)),
    injectNmi: async (guest, requestId) => injectNmi(ownMachineOf(guest), requestId),
    undefine: async (guest) => undefineDomain(machineOfGuest(guest)),
    observe,
    runningBootId: async (guest) => (await observe(guest)).bootId,
  }
}

export function observeDomain({ domain }: Machine): ObservedDomain {
  if (!domain) return { power: 'missing' }
  const { state, reason, managedSave, runningBootId } = domain
  if (state === 'off') return { power: managedSave ? 'saved' : 'off', reason }
  return { power: state, reason, ...(runningBootId === undefined ? {} : { bootId: runningBootId }) }
}

/**
 * A real libvirtd completes a save or restore even if the agent dies, and blocks other calls until then. So a fake call
 * completes it first.
 */
function endOngoing(machine: Machine): void {
  endRestore(machine)
  endSave(machine)
}

function endRestore({ domain }: Machine): void {
  if (!domain?.isRestoring) return
  const { managedSave } = domain
  Object.assign(domain, {
    state: 'running',
    reason: 'restored',
    runningBootId: managedSave?.bootId,
    runsFrom: managedSave?.runsFrom,
    managedSave: undefined,
    isRestoring: false,
  })
}

function endSave(machine: Machine): void {
  const { domain } = machine
  if (!domain?.isSaving) return
  const managedSave = { bootId: domain.runningBootId, runsFrom: domain.runsFrom }
  turnOff(machine, domain, 'saved')
  domain.managedSave = managedSave
}

export function turnOff(machine: Machine, domain: FakeDomain, reason: string): void {
  if (domain.state === 'off') return
  Object.assign(domain, {
    state: 'off',
    reason,
    runningBootId: undefined,
    runsFrom: undefined,
    isSaving: false,
    isRestoring: false,
  })
  if (!domain.persistent) machine.domain = undefined
}

/**
 * Pressing the power button also discards a managed save of the domain. A paused guest does not react to the button.
 */
function pressPowerButton(machine: Machine): void {
  endOngoing(machine)
  const { domain, obeysPowerButton } = machine
  if (!domain) return
  domain.managedSave = undefined
  if (domain.state === 'running' && obeysPowerButton) turnOff(machine, domain, 'shutdown')
}

const bootDiskOf = ({ mode }: Guest): BootDisk => (mode === 'rescued' ? 'rescue disk' : 'root disk')

function requireBootDisk(machine: Machine, bootsFrom: BootDisk): void {
  if (!machine.disks) throw new Transient('DiskMissing', 'the root disk is not there')
  if (bootsFrom === 'rescue disk' && !machine.rescueDisk)
    throw new Transient('DiskMissing', 'the rescue disk is not there')
}

/** A running domain uses the new definition from its next boot. */
function defineDomain(machine: Machine, bootId: string, bootsFrom: BootDisk): void {
  requireBootDisk(machine, bootsFrom)
  const domain = machine.domain ?? {
    state: 'off',
    reason: 'unknown',
    managedSave: undefined,
    isSaving: false,
    isRestoring: false,
    persistent: true,
    bootId,
    runningBootId: undefined,
    bootsFrom,
    runsFrom: undefined,
  }
  machine.domain = Object.assign(domain, { bootId, bootsFrom, persistent: true })
}

/** A boot is done at once. A restore of saved memory stays under way until the next call. */
function startDomain(machine: Machine): Progress {
  endOngoing(machine)
  const { domain, disks, ports, boots } = machine
  if (!domain) throw new Transient('LibvirtError', 'libvirt knows no such domain')
  if (domain.state !== 'off') return { done: true }
  if (!disks || !ports) throw new Transient('LibvirtError', 'QEMU finds no disk or no interface')
  machine.starts += 1
  const { managedSave, bootId, bootsFrom } = domain
  if (managedSave) {
    Object.assign(domain, { state: 'paused', reason: 'starting up', isRestoring: true })
    return { done: false, checkAfterMs: 5000 }
  }
  boots.push(bootId)
  Object.assign(domain, { state: 'running', reason: 'booted', runningBootId: bootId, runsFrom: bootsFrom })
  return { done: true }
}

export function destroyDomain(machine: Machine): void {
  const { domain } = machine
  if (!domain) return
  turnOff(machine, domain, 'destroyed')
  domain.managedSave = undefined
}

function pauseDomain(machine: Machine): void {
  endOngoing(machine)
  const { domain } = machine
  if (!domain || domain.state === 'off') throw new Transient('LibvirtError', 'the domain is not running')
  if (domain.state === 'running') Object.assign(domain, { state: 'paused', reason: 'user' })
}

function unpauseDomain(machine: Machine): void {
  endOngoing(machine)
  const { domain, obeysWakeUp } = machine
  if (domain?.state === 'paused') Object.assign(domain, { state: 'running', reason: 'unpaused' })
  if (domain?.state === 'pmsuspended' && obeysWakeUp) Object.assign(domain, { state: 'running', reason: 'wakeup' })
}

function saveDomain(machine: Machine): Progress {
  endOngoing(machine)
  const { domain } = machine
  if (domain?.managedSave) return { done: true }
  if (!domain || domain.state === 'off') throw new Transient('LibvirtError', 'the domain is not running')
  if (!domain.persistent) throw new Transient('LibvirtError', 'a transient domain has no managed save')
  Object.assign(domain, { state: 'paused', reason: 'saving', isSaving: true })
  return { done: false, checkAfterMs: 5000 }
}

function injectNmi(machine: Machine, requestId: string): NmiResult {
  endOngoing(machine)
  const { domain, nmis } = machine
  if (!domain || domain.state === 'off' || domain.state === 'pmsuspended') return 'notRunning'
  if (!nmis.includes(requestId)) nmis.push(requestId)
  return 'sent'
}

export function undefineDomain(machine: Machine): void {
  const { domain } = machine
  if (!domain) return
  Object.assign(domain, { persistent: false, managedSave: undefined })
  if (domain.state === 'off') machine.domain = undefined
}

function uuidInUse({ owner }: ForeignDomain): Transient | Terminal {
  if (owner) return new Transient('UUIDInUse', `Server ${owner.namespace}/${owner.name} has a domain of this UUID`)
  return new Terminal('UUIDInUse', 'there is a domain of this UUID that no Server has made')
}
