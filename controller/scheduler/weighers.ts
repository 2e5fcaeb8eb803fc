/** The weighers; their order does not matter but for the last bit of a sum, so it is fixed. */
import type { Weigher } from './weigher.ts'
import { buildFailureWeigher } from './weighers/build-failure.ts'
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
  BuildFailureWeigher: buildFailureWeigher,
  HypervisorVersionWeigher: hypervisorVersionWeigher,
} satisfies Record<string, Weigher>
export type WeigherName = keyof typeof weighers

export const weigherNames = Object.keys(weighers) as readonly WeigherName[]

/** Nova's defaults. */
export const defaultMultipliers = Object.fromEntries(weigherNames.map((n) => [n, weighers[n].multiplier])) as Readonly<
  Record<WeigherName, number>
>
