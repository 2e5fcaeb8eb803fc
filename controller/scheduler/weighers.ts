/**
 * All weighers. Their order must not change: it decides the last bit of the floating-point sum, and so which of two
 * nearly equal hosts is chosen.
 */
import type { Weigher } from './weigher.ts'
import { cpuWeigher } from './weighers/cpu.ts'
import { diskWeigher } from './weighers/disk.ts'
import { hypervisorVersionWeigher } from './weighers/hypervisor-version.ts'
import { ioOpsWeigher } from './weighers/io-ops.ts'
import { ramWeigher } from './weighers/ram.ts'

export const weighers = {
  RAMWeigher: ramWeigher,
  CPUWeigher: cpuWeigher,
  DiskWeigher: diskWeigher,
  IoOpsWeigher: ioOpsWeigher,
  HypervisorVersionWeigher: hypervisorVersionWeigher,
} satisfies Record<string, Weigher>
export type WeigherName = keyof typeof weighers

export const weigherNames = Object.keys(weighers) as readonly WeigherName[]
