// The faults of the matrix: kill -9 of each part that a server depends on, and what may follow from it.
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import type { Cloud } from '../rig/cloud.ts'
import { type VictimName, victimNames, victimsOf } from '../rig/kills.ts'
import { end } from '../rig/process.ts'
import type { Ask } from './gate.ts'
import type { Allowance } from './outcome.ts'

export type FaultName = VictimName | 'QEMU'
export const faultNames: readonly FaultName[] = [...victimNames, 'QEMU']

/** A fault that was made. */
export interface Made {
  kind: FaultName
  /** Of whose story a point was passed. */
  server: string
  /** The server had been paused by then, in the same story. */
  paused: boolean
  /** An effect on the host may have been under way. */
  midst: boolean
}

/**
 * A QEMU that is killed has taken the guest with it: the agent starts it again where it shall run, and pauses it again if it was
 * (the table in agent/server/plan.ts). A libvirtd that is killed while it starts a domain ends that domain when it comes back (it cannot know how far
 * it was), and the agent starts it again.
 * @param starts how often the server's own story starts it
 */
export function allowedBy(faults: readonly Made[], server: string, starts: number): Allowance {
  const killed = faults.filter((fault) => fault.kind === 'QEMU' && fault.server === server)
  const cut = starts > 0 ? faults.filter(({ kind, midst }) => kind === 'libvirtd' && midst) : []
  return {
    actions: killed.flatMap(({ paused }) => (paused ? ['start', 'pause'] : ['start'])),
    starts: killed.length + cut.length,
  }
}

/** Does the agent go on from this point with a guest that it has paused? */
export const hasPaused = ({ step, when }: Ask): boolean => step === 'domains.pause' && when === 'after'

/** Kills; what it answers brings the victim back. */
export async function strike(cloud: Cloud, fault: FaultName, server: string): Promise<() => Promise<void>> {
  if (fault !== 'QEMU') {
    const victim = victimsOf(cloud)[fault]
    await victim.kill()
    return victim.back
  }
  const domain = domainOf(cloud, server)
  const qemu = domain === undefined ? undefined : cloud.host('h1').qemu(domain)
  if (qemu) await end(qemu, 'SIGKILL')
  return async () => undefined
}

/** Name of the domain of a server that has a QEMU; names of servers here have no dash. */
export function domainOf(cloud: Cloud, server: string): string | undefined {
  const files = readdirSync(join(cloud.host('h1').home, 'run/libvirt/qemu'))
  return files.find((name) => name.startsWith(`${server}-`) && name.endsWith('.pid'))?.replace(/\.pid$/, '')
}
