import { isoMicroseconds } from '../http/time.ts'
import { uuidOf } from '../state/stores.ts'
import type { ProjectUsage, ServerUsage } from '../state/usage-report.ts'
import { pythonFloat } from './floats.ts'
import { vmStateOf } from './server-status.ts'
import { serverNameOf } from './servers.ts'

export interface UsageViewContext {
  /** The ends of the period. */
  period: { startText: string; stopText: string }
  /** Whether each server is listed, too. */
  isDetailed: boolean
  projectIdOf(namespace: string): string
  flavorNameOf(usage: ServerUsage): string
}

function renderServerUsage(usage: ServerUsage, { projectIdOf, flavorNameOf }: UsageViewContext): object {
  const { server, project, sizes, hours, startedAt, endedAt, uptime } = usage
  return {
    hours: pythonFloat(hours),
    flavor: flavorNameOf(usage),
    instance_id: uuidOf(server),
    name: serverNameOf(server),
    tenant_id: projectIdOf(project),
    memory_mb: sizes.ram,
    local_gb: sizes.disk + sizes.ephemeral,
    vcpus: sizes.vcpus,
    started_at: isoMicroseconds(startedAt),
    ended_at: endedAt ? isoMicroseconds(endedAt) : null,
    state: endedAt ? 'terminated' : vmStateOf(server),
    uptime,
  }
}

export function renderProjectUsage({ project, servers, totals }: ProjectUsage, context: UsageViewContext): object {
  const { period, isDetailed, projectIdOf } = context
  return {
    tenant_id: projectIdOf(project),
    ...(isDetailed ? { server_usages: servers.map((usage) => renderServerUsage(usage, context)) } : {}),
    total_local_gb_usage: pythonFloat(totals.disk),
    total_vcpus_usage: pythonFloat(totals.vcpus),
    total_memory_mb_usage: pythonFloat(totals.ram),
    total_hours: pythonFloat(totals.hours),
    start: period.startText,
    stop: period.stopText,
  }
}
