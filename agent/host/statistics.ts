/** Reads libvirt's statistics of a Server's domain. */
import type { DomainStatistics } from '../../actions/host-question.ts'
import { allDomainStatsFlags, type CallFunction, domainStats, fromParams, proc } from '../libvirt/index.ts'
import { createOwnedDomainCaller } from './owned-domain.ts'

const { state, cpuTotal, balloon, vcpu, interface: networkInterface, block } = domainStats
const GROUPS = state | cpuTotal | balloon | vcpu | networkInterface | block

/** Returns undefined if the domain is off or absent. The values of a busy QEMU are left out. */
export async function readStatistics(
  call: CallFunction,
  { uid, uuid }: { uid: string; uuid: string },
): Promise<DomainStatistics | undefined> {
  const withDomain = createOwnedDomainCaller(call, uid)
  const flags = allDomainStatsFlags.active | allDomainStatsFlags.nowait
  const records = await withDomain(
    'read the statistics',
    uuid,
    async (dom) => (await call(proc.connectGetAllDomainStats, { doms: [dom], stats: GROUPS, flags })).records,
    'skip',
  )
  const [record] = records ?? []
  return (
    record &&
    Object.fromEntries(Object.entries(fromParams(record.params)).map(([name, value]) => [name, toJson(value)]))
  )
}

/** libvirt's counters have 64 bits. Above 2^53 (104 days of CPU time in nanoseconds) they are rounded. */
const toJson = (value: bigint | number | string | boolean): number | string | boolean =>
  typeof value === 'bigint' ? Number(value) : value
