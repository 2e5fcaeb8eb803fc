// The faults of the matrix: kill -9 of each process that a server depends on, and the actions that may follow from it.
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import type { Cloud } from '../rig/cloud.ts'
import { type VictimName, victimNames, victimsOf } from '../rig/kills.ts'
import { endProcess } from '../rig/process.ts'
import type { GateRequest } from './gate.ts'
import type { Allowance } from './story-outcome.ts'

/** Name of the process that is killed. */
export type FaultName = VictimName | 'QEMU'
export const faultNames: readonly FaultName[] = [...victimNames, 'QEMU']

export interface InjectedFault {
  fault: FaultName
  /** The server whose story reached the point of the fault. */
  server: string
  /** The same story had paused the server before the fault. */
  wasPaused: boolean
  /** An effect on the host may have been under way. */
  isDuringEffect: boolean
}

/**
 * The actions and QEMU starts that faults may add to a server's story. When QEMU is killed, the agent starts the guest
 * again if it is to run, and pauses it again if it was paused (the table in agent/server/plan.ts). A libvirtd that is
 * killed while it starts a domain ends the domain when it is back, because it cannot know how far the start was; then
 * the agent starts the domain again.
 * @param qemuStarts QEMU starts of the server's own story
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

/** Whether the agent has just paused the guest at this point. */
export const hasJustPaused = ({ step, when }: GateRequest): boolean => step === 'domains.pause' && when === 'after'

/** Kills a process. Resolves to a function that starts it again; the agent itself starts a killed QEMU. */
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

/** The domain of a server that has a QEMU. Server names must not contain a dash. */
export function runningDomainOf(cloud: Cloud, server: string): string | undefined {
  const files = readdirSync(join(cloud.host('h1').home, 'run/libvirt/qemu'))
  return files.find((name) => name.startsWith(`${server}-`) && name.endsWith('.pid'))?.replace(/\.pid$/, '')
}
