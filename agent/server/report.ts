import type { Guest } from '../../actions/host/index.ts'
import type { Server } from '../../crds/index.ts'
import type { EndedAction } from './action-record.ts'
import { applyAgentStatus } from './apply-status.ts'
import type { Deps } from './deps.ts'
import type { Observed } from './observed.ts'
import { agentStatus, type StatusInput } from './status.ts'

export interface ObservedGuest {
  guest: Guest
  observed: Observed
}

export const statusInputOf = ({ guest, observed }: ObservedGuest, { clocks, host }: Deps): StatusInput => ({
  server: guest.server,
  observed,
  now: clocks.wall(),
  runtimeInfo: host.runtimeInfo(guest),
  actionRecords: guest.server.status?.actionRecords ?? 0,
})

export const applyStatusOf = (input: StatusInput, deps: Deps, more: object = {}): Promise<Server> =>
  applyAgentStatus(input.server, { ...agentStatus(input), ...more }, deps)

/** trigger_crash_dump becomes TriggerCrashDump. */
const eventReasonOf = (action: string): string =>
  action.replaceAll(/(?:^|_)(\w)/g, (_, letter: string) => letter.toUpperCase())

export function emitEvent(server: Server, { planned, failure, host }: EndedAction, { events }: Deps): void {
  const { action } = planned
  events.event({
    regarding: server,
    type: failure ? 'Warning' : 'Normal',
    reason: failure ? failure.code : eventReasonOf(action),
    action,
    note: failure ? failure.message : `${action} done on ${host}`,
  })
}
