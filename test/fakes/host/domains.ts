/** Domains as libvirt changes them: each function is a call of libvirt on a machine of memory. */

import type { Domains, Guest, ObservedDomain, Progress } from '../../../actions/host/index.ts'
import { Terminal, Transient } from '../../../crds/index.ts'
import { type FakeDomain, type Machine, type MachineOf } from './machine.ts'

export function fakeDomains(machineOf: MachineOf): Domains {
  const of = ({ server }: Guest): Machine => machineOf(server.metadata.uid)
  // A save that runs is observed once; then it has ended.
  const observe = async (guest: Guest): Promise<ObservedDomain> => {
    const observed = observeDomain(of(guest))
    endSave(of(guest))
    return observed
  }
  return {
    define: async (guest, bootId) => defineDomain(of(guest), bootId),
    start: async (guest) => startDomain(of(guest)),
    requestShutdown: async (guest) => pressPowerButton(of(guest)),
    destroy: async (guest) => destroyDomain(of(guest)),
    pause: async (guest) => changeState(of(guest), 'running', 'paused', 'user'),
    unpause: async (guest) => changeState(of(guest), 'paused', 'running', 'unpaused'),
    save: async (guest) => saveDomain(of(guest)),
    undefine: async (guest) => undefineDomain(of(guest)),
    observe,
    runningBootId: async (guest) => (await observe(guest)).bootId,
  }
}

export function observeDomain({ domain }: Machine): ObservedDomain {
  if (!domain) return { power: 'missing' }
  const { state, reason, hasManagedSave, runningBootId } = domain
  if (state === 'off') return { power: hasManagedSave ? 'saved' : 'off', reason }
  return { power: state, reason, ...(runningBootId === undefined ? {} : { bootId: runningBootId }) }
}

/** libvirtd saves the memory whether or not the agent lives. Calls that need the domain to themselves wait until it is done. */
function endSave(machine: Machine): void {
  const { domain } = machine
  if (!domain?.isSaving) return
  turnOff(machine, domain, 'saved')
  domain.hasManagedSave = true
}

export function turnOff(machine: Machine, domain: FakeDomain, reason: string): void {
  if (domain.state === 'off') return
  Object.assign(domain, { state: 'off', reason, runningBootId: undefined, isSaving: false })
  if (!domain.persistent) machine.domain = undefined
}

/** A paused guest does not notice the power button. */
function pressPowerButton(machine: Machine): void {
  endSave(machine)
  const { domain, obeys } = machine
  if (!domain) return
  domain.hasManagedSave = false
  if (domain.state === 'running' && obeys) turnOff(machine, domain, 'shutdown')
}

/** Of a running domain only the next boot's definition changes. */
function defineDomain(machine: Machine, bootId: string): void {
  if (!machine.disks) throw new Terminal('DiskMissing', 'the root disk is not there')
  machine.ports = true
  const domain = machine.domain ?? {
    state: 'off',
    reason: 'unknown',
    hasManagedSave: false,
    isSaving: false,
    persistent: true,
    bootId,
    runningBootId: undefined,
  }
  machine.domain = Object.assign(domain, { bootId, persistent: true })
}

function startDomain(machine: Machine): void {
  endSave(machine)
  const { domain, disks, ports, boots } = machine
  if (!domain) throw new Transient('LibvirtError', 'libvirt knows no such domain')
  if (domain.state !== 'off') return
  if (!disks || !ports) throw new Terminal('InvalidDomain', 'QEMU finds no disk or no interface')
  domain.runningBootId = domain.bootId
  if (!domain.hasManagedSave) boots.push(domain.bootId)
  const reason = domain.hasManagedSave ? 'restored' : 'booted'
  Object.assign(domain, { state: 'running', reason, hasManagedSave: false })
}

export function destroyDomain(machine: Machine): void {
  const { domain } = machine
  if (!domain) return
  turnOff(machine, domain, 'destroyed')
  domain.hasManagedSave = false
}

/** libvirt refuses a call that does not fit the state; the agent takes that for done. */
function changeState(machine: Machine, from: FakeDomain['state'], state: FakeDomain['state'], reason: string): void {
  endSave(machine)
  const { domain } = machine
  if (domain?.state === from) Object.assign(domain, { state, reason })
}

function saveDomain(machine: Machine): Progress {
  endSave(machine)
  const { domain } = machine
  if (domain?.hasManagedSave) return { done: true }
  if (!domain || domain.state === 'off') throw new Transient('LibvirtError', 'the domain is not running')
  Object.assign(domain, { state: 'paused', reason: 'saving', isSaving: true })
  return { done: false, checkAfterMs: 5000 }
}

export function undefineDomain(machine: Machine): void {
  const { domain } = machine
  if (!domain) return
  Object.assign(domain, { persistent: false, hasManagedSave: false })
  if (domain.state === 'off') machine.domain = undefined
}
