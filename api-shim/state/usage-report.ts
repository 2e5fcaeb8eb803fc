import type { Server } from '../../crds/index.ts'
import { terminatedAtOf } from './deleted-servers.ts'
import type { Sizes } from './usage.ts'

export interface Period {
  start: Date
  stop: Date
}

export interface ServerUsage {
  server: Server
  project: string
  sizes: Sizes
  startedAt: Date
  /** Undefined: the server still exists. */
  endedAt?: Date
  hours: number
  /** Seconds from the launch of the server until its end, or until now. */
  uptime: number
}

export interface ProjectUsage {
  /** The namespace. */
  project: string
  servers: ServerUsage[]
  totals: { hours: number; vcpus: number; ram: number; disk: number }
}

const HOUR_MS = 3_600_000

const launchedAtOf = ({ status }: Server): number | undefined =>
  status?.launchedAt === undefined ? undefined : Date.parse(status.launchedAt)

/** Undefined if the server still exists. */
function endedAtOf(server: Server): number | undefined {
  const time = Date.parse(terminatedAtOf(server) ?? '')
  return Number.isNaN(time) ? undefined : time
}

/** The usage of each server that existed in the period. */
export function reportServers(
  servers: readonly Server[],
  { start, stop }: Period,
  now: Date,
  sizesOf: (server: Server) => Sizes,
): ServerUsage[] {
  return servers.flatMap((server) => {
    const launched = launchedAtOf(server)
    const ended = endedAtOf(server)
    if (launched === undefined || launched >= stop.getTime()) return []
    if (ended !== undefined && ended <= start.getTime()) return []
    const until = Math.min(ended ?? Infinity, stop.getTime())
    return {
      server,
      project: server.metadata.namespace ?? '',
      sizes: sizesOf(server),
      startedAt: new Date(launched),
      ...(ended === undefined ? {} : { endedAt: new Date(ended) }),
      hours: Math.max(0, until - Math.max(launched, start.getTime())) / HOUR_MS,
      uptime: Math.max(0, Math.floor(((ended ?? now.getTime()) - launched) / 1000)),
    }
  })
}

export function reportProjects(usages: readonly ServerUsage[]): ProjectUsage[] {
  const groups = Map.groupBy(usages, ({ project }) => project)
  return [...groups].map(([project, servers]) => {
    const sum = (amountOf: (sizes: Sizes) => number): number =>
      servers.reduce((total, { sizes, hours }) => total + amountOf(sizes) * hours, 0)
    const totals = {
      hours: sum(() => 1),
      vcpus: sum(({ vcpus }) => vcpus),
      ram: sum(({ ram }) => ram),
      disk: sum(({ disk, ephemeral }) => disk + ephemeral),
    }
    return { project, servers, totals }
  })
}
