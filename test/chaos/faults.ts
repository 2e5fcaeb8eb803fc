// A fault is a kill -9 of one process that a server depends on, right before or after one effect of an operation. Also
// computes which actions and QEMU starts the agent may add to recover from a fault.
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import type { Cloud } from '../rig/cloud.ts'
import { type VictimName, victimNames, victimsOf } from '../rig/kills.ts'
import { endProcess } from '../rig/process.ts'
import type { GateRequest } from './gate.ts'
import type { Allowance } from './story-outcome.ts'

/** The process that a fault kills. */
export type FaultName = VictimName | 'QEMU'
export const faultNames: readonly FaultName[] = [...victimNames, 'QEMU']

export interface InjectedFault {
  fault: FaultName
  /** The server whose operation triggered the kill. For the fault `QEMU`, also the server whose QEMU was killed. */
  server: string
  /** Whether the operation had paused the guest before the kill. */
  wasPaused: boolean
  /** Whether a change of the host may have been under way at the kill. */
  isDuringEffect: boolean
}

/**
 * The actions and QEMU starts that kills may add to those of the operation. After a kill of QEMU, the agent starts the
 * guest again, and pauses it if it was paused. After a kill of libvirtd during a start, libvirtd destroys the
 * half-started domain and the agent starts it again.
 * @param qemuStarts number of QEMU starts of the operation itself
 */
export function allowanceFor(faults: readonly InjectedFault[], server: string, qemuStarts: number): Allowance {
  const qemuKills = faults.filter((injected) => injected.fault === 'QEMU' && injected.server === server)
  const interruptedStarts =
    qemuStarts > 0 ? faults.filter(({ fault, isDuringEffect }) => fault === 'libvirtd' && isDuringEffect) : []
  return {
    actions: qemuKills.flatMap(({ wasPaused }) => (wasPaused ? ['start', 'pause'] : ['start'])),
    qemuStarts: qemuKills.length + interruptedStarts.length,
  }
}

export const hasJustPaused = ({ step, when }: GateRequest): boolean => step === 'domains.pause' && when === 'after'

/**
 * Resolves to a function that restarts the killed process. For QEMU, the function does nothing, because the agent
 * starts the guest again.
 */
export async function injectFault(cloud: Cloud, fault: FaultName, server: string): Promise<() => Promise<void>> {
  if (fault !== 'QEMU') {
    const victim = victimsOf(cloud)[fault]
    await victim.kill()
    return victim.restore
  }
  const domain = runningDomainOf(cloud, server)
  const qemu = domain === undefined ? undefined : cloud.host('h1').qemuOf(domain)
  if (qemu) await endProcess(qemu, 'SIGKILL')
  return async () => undefined
}

/**
 * Undefined if the server's QEMU does not run. A domain's name is the server's name, a dash, and a part of the UID, so
 * a server's name must have no dash: the search by prefix could find another server's domain.
 */
export function runningDomainOf(cloud: Cloud, server: string): string | undefined {
  const files = readdirSync(join(cloud.host('h1').home, 'run/libvirt/qemu'))
  return files.find((name) => name.startsWith(`${server}-`) && name.endsWith('.pid'))?.replace(/\.pid$/, '')
}
