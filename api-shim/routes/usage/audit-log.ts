/**
 * /os-instance_usage_audit_log: which hosts have counted their servers in a month. No host runs such a task, so all are
 * reported as not run.
 */
import { newBadRequest } from '../../http/fault.ts'
import { hypervisors } from '../../state/stores.ts'
import { noParameters } from '../../validation/parameters.ts'
import { defineRoute, type RouteRequest } from '../route.ts'

type Request = RouteRequest<null>

/** `2026-01-02 03:04:05`, as Python prints a time. */
const pythonTime = (time: Date): string => time.toISOString().slice(0, 19).replace('T', ' ')

/** The last whole month before a time. */
function monthBefore(time: Date): { begin: Date; end: Date } {
  const startOfMonth = (offset: number): Date =>
    new Date(Date.UTC(time.getUTCFullYear(), time.getUTCMonth() + offset, 1))
  return startOfMonth(0) < time
    ? { begin: startOfMonth(-1), end: startOfMonth(0) }
    : { begin: startOfMonth(-2), end: startOfMonth(-1) }
}

function readTime(text: string): Date {
  const [, day, time] = /^(\d{4}-\d\d?-\d\d?) (\d\d?:\d\d?:\d\d?(?:\.\d{1,6})?)$/.exec(text) ?? []
  const date = new Date(`${day}T${time}Z`)
  if (Number.isNaN(date.getTime())) throw newBadRequest(`Invalid timestamp for date ${text}`)
  return date
}

async function renderLog(before: Date, { state }: Request): Promise<object> {
  const { begin, end } = monthBefore(before)
  const hosts = (await state.read(hypervisors)).list().map(({ metadata }) => metadata.name)
  const done = hosts.length === 0 ? 'ALL' : `0 of ${hosts.length}`
  return {
    period_beginning: pythonTime(begin),
    period_ending: pythonTime(end),
    num_hosts: hosts.length,
    num_hosts_done: 0,
    num_hosts_running: 0,
    num_hosts_not_run: hosts.length,
    hosts_not_run: hosts,
    total_instances: 0,
    total_errors: 0,
    overall_status: `${done} hosts done. 0 errors.`,
    log: {},
  }
}

export const auditLogList = defineRoute<null>({
  name: 'instance-usage-audit-log:list',
  method: 'GET',
  path: '/os-instance_usage_audit_log',
  success: 200,
  policy: { rule: 'os_compute_api:os-instance-usage-audit-log:list', role: 'admin' },
  query: noParameters,
  async handle(request) {
    return { body: { instance_usage_audit_logs: await renderLog(request.services.clock.wall(), request) } }
  },
})

export const auditLogShow = defineRoute<null>({
  name: 'instance-usage-audit-log:show',
  method: 'GET',
  path: '/os-instance_usage_audit_log/{id}',
  success: 200,
  policy: { rule: 'os_compute_api:os-instance-usage-audit-log:show', role: 'admin' },
  query: noParameters,
  async handle(request) {
    return { body: { instance_usage_audit_log: await renderLog(readTime(request.params['id'] ?? ''), request) } }
  },
})
