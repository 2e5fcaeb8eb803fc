// The faults of the kill matrix: kill -9 of each process that a server depends on. A fault is injected at a point of a
// story: before or after one effect during a user's operation on a server. Also the actions that the agent may run
// because of a fault.
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import type { Cloud } from '../rig/cloud.ts'
import { type VictimName, victimNames, victimsOf } from '../rig/kills.ts'
import { endProcess } from '../rig/process.ts'
import type { GateRequest } from './gate.ts'
import type { Allowance } from './story-outcome.ts'

/** Name of the process that a fault kills. */
export type FaultName = VictimName | 'QEMU'
export const faultNames: readonly FaultName[] = [...victimNames, 'QEMU']

export interface InjectedFault {
  fault: FaultName
  /** The server whose story had reached the point at which the fault was injected. */
  server: string
  /** Whether the same story had paused the server before the fault. */
  wasPaused: boolean
  /** Whether an effect on the host may have been under way when the fault was injected. */
  isDuringEffect: boolean
}

/**
 * The actions and QEMU starts that faults may add to those of a server's story. If QEMU was killed, the agent starts
 * the guest again if it should run, and pauses it again if it was paused (the table in agent/server/plan.ts). If
 * libvirtd was killed while it started a domain, it destroys the domain when it is back, because it cannot know how far
 * the start was; then the agent starts the domain again.
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

/** Whether the point comes right after the agent has paused the guest. */
export const hasJustPaused = ({ step, when }: GateRequest): boolean => step === 'domains.pause' && when === 'after'

/**
 * Kills a process. Resolves to a function that restarts it. For QEMU this function does nothing, because the agent
 * itself starts the guest again.
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
 * The name of a server's domain if its QEMU runs, else undefined. The server's name must not contain a dash, because
 * the domain's name is the server's name, a dash, and a part of the UID.
 */
export function runningDomainOf(cloud: Cloud, server: string): string | undefined {
  const files = readdirSync(join(cloud.host('h1').home, 'run/libvirt/qemu'))
  return files.find((name) => name.startsWith(`${server}-`) && name.endsWith('.pid'))?.replace(/\.pid$/, '')
}
