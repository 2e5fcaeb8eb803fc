import { actionNames, actions } from '../../actions/index.ts'
import type { Server, TaskState, VmState } from '../../crds/index.ts'

const rebooting = { reboot_pending: 'REBOOT', reboot_started: 'REBOOT', rebooting: 'REBOOT' } as const
const hardRebooting = {
  reboot_pending_hard: 'HARD_REBOOT',
  reboot_started_hard: 'HARD_REBOOT',
  rebooting_hard: 'HARD_REBOOT',
} as const
const rebuilding = {
  rebuilding: 'REBUILD',
  rebuild_block_device_mapping: 'REBUILD',
  rebuild_spawning: 'REBUILD',
} as const
const resizing = {
  resize_prep: 'RESIZE',
  resize_migrating: 'RESIZE',
  resize_migrated: 'RESIZE',
  resize_finish: 'RESIZE',
} as const

interface Statuses {
  default: string
  byTask?: Readonly<Partial<Record<TaskState, string>>>
}

const statusOfState: Readonly<Record<VmState, Statuses>> = {
  active: {
    default: 'ACTIVE',
    byTask: {
      ...rebooting,
      ...hardRebooting,
      ...rebuilding,
      ...resizing,
      updating_password: 'PASSWORD',
      migrating: 'MIGRATING',
    },
  },
  building: { default: 'BUILD' },
  stopped: { default: 'SHUTOFF', byTask: { ...resizing, ...rebuilding } },
  resized: { default: 'VERIFY_RESIZE', byTask: { resize_reverting: 'REVERT_RESIZE' } },
  paused: { default: 'PAUSED', byTask: { migrating: 'MIGRATING' } },
  suspended: { default: 'SUSPENDED' },
  rescued: { default: 'RESCUE' },
  error: { default: 'ERROR', byTask: rebuilding },
  deleted: { default: 'DELETED' },
  'soft-delete': { default: 'SOFT_DELETED' },
  shelved: { default: 'SHELVED' },
  shelved_offloaded: { default: 'SHELVED_OFFLOADED' },
}

export const vmStateOf = ({ status }: Server): VmState => status?.vmState ?? 'building'

/**
 * Nova sets the task state when it accepts a request. So requests that have not begun count, too: a deletion, an
 * action, or another spec.powerState.
 */
export function taskStateOf(server: Server, requested?: TaskState): TaskState | undefined {
  const { metadata, status } = server
  if (metadata.deletionTimestamp !== undefined) return 'deleting'
  if (status?.taskState !== undefined) return status.taskState
  if (status?.host === undefined && vmStateOf(server) === 'building') return 'scheduling'
  return requested ?? taskOfPower(server)
}

/** The task of the action that will change the power; undefined if the server has the power that its spec asks for. */
function taskOfPower(server: Server): TaskState | undefined {
  const { spec, status } = server
  const vmState = vmStateOf(server)
  const reached = status?.reachedPowerState
  if (reached === undefined || reached === spec.powerState) return undefined
  // A server in error gets no action until its spec changes.
  if (vmState === 'error' && status?.observedGeneration === server.metadata.generation) return undefined
  const next = actionNames
    .map((name) => actions[name])
    .find(({ desiredPower, from }) => desiredPower === spec.powerState && from.includes(vmState))
  return next?.task?.({})
}

export function statusOf(server: Server, requested?: TaskState): string {
  const { default: usual, byTask = {} } = statusOfState[vmStateOf(server)]
  const task = taskStateOf(server, requested)
  return (task === undefined ? undefined : byTask[task]) ?? usual
}

/** The states of the servers with this status; undefined if no server can have it. */
export function statesOfStatus(status: string): { vmStates: Set<string>; taskStates: Set<string> } | undefined {
  const wanted = status.toLowerCase()
  const found = Object.entries(statusOfState).flatMap(([vmState, { default: usual, byTask = {} }]) => [
    ...(usual.toLowerCase() === wanted ? [{ vmState, taskState: 'default' }] : []),
    ...Object.entries(byTask)
      .filter(([, name]) => name.toLowerCase() === wanted)
      .map(([taskState]) => ({ vmState, taskState })),
  ])
  if (found.length === 0) return undefined
  return {
    vmStates: new Set(found.map(({ vmState }) => vmState)),
    taskStates: new Set(found.map(({ taskState }) => taskState)),
  }
}

/** Nova's numbers of the power states. */
const numberOfPower = { NOSTATE: 0, Running: 1, Paused: 3, Shutdown: 4, Crashed: 6, Suspended: 7 } as const
export const powerStateOf = ({ status }: Server): number => numberOfPower[status?.powerState ?? 'NOSTATE']
