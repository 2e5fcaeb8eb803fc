// A story is one operation of a user on a server. It leads from one stable state to another. The kill matrix kills a
// process at each step of each story.
import type { DesiredPower, Server, VmState } from '../../crds/index.ts'
import type { Api, ImageName } from './api.ts'

/** `Rescued`: the rescue system runs, and spec.powerState is Stopped. */
export type State = DesiredPower | 'absent' | 'Rescued'

export interface Story {
  from: State
  to: State
  run(api: Api, server: string, image: ImageName): Promise<void>
  /** The action of which the operation leaves a record; undefined if it leaves none. */
  actionRecord?: string
  qemuStarts: 0 | 1
  /** The operation boots the guest. */
  boots?: true
  /** The operation asks the guest to power off. The guest must have booted, or it would not react. */
  asksGuest?: true
  /**
   * The server must have no action record but that of `create`. The deletion of each further record is one more effect,
   * with more moments to kill a process.
   */
  needsNewServer?: true
  /**
   * The test freezes QEMU for this many milliseconds at the start of the operation, so that a step of the action takes
   * several reconciles.
   */
  freezesQemuMs?: number
  /**
   * Matches the names of the points (moments before or after an effect) at which processes are killed. Undefined: all.
   * A pattern need not match points that another operation covers.
   */
  killPoints?: RegExp
}

const setPowerState =
  (powerState: DesiredPower) =>
  (api: Api, server: string): Promise<void> =>
    api.patchSpec(server, { powerState })

const deleteServer = (api: Api, name: string): Promise<void> => api.delete(name)

export const stories = {
  create: {
    from: 'absent',
    to: 'Running',
    actionRecord: 'create',
    qemuStarts: 1,
    boots: true,
    run: (api, name, image) => api.create(name, image),
  },
  stop: {
    from: 'Running',
    to: 'Stopped',
    actionRecord: 'stop',
    qemuStarts: 0,
    run: setPowerState('Stopped'),
    asksGuest: true,
  },
  'stop paused': {
    from: 'Paused',
    to: 'Stopped',
    actionRecord: 'stop',
    qemuStarts: 0,
    // A paused guest does not react to a shutdown request, so the agent unpauses it first.
    run: setPowerState('Stopped'),
    asksGuest: true,
  },
  // To stop a suspended server, the agent deletes the saved memory.
  'stop suspended': {
    from: 'Suspended',
    to: 'Stopped',
    actionRecord: 'stop',
    qemuStarts: 0,
    run: setPowerState('Stopped'),
  },
  start: {
    from: 'Stopped',
    to: 'Running',
    actionRecord: 'start',
    qemuStarts: 1,
    boots: true,
    run: setPowerState('Running'),
  },
  'reboot SOFT': {
    from: 'Running',
    to: 'Running',
    actionRecord: 'reboot',
    qemuStarts: 1,
    boots: true,
    run: (api, name) => api.requestAction(name, 'reboot', { type: 'SOFT' }),
    asksGuest: true,
  },
  'reboot HARD': {
    from: 'Running',
    to: 'Running',
    actionRecord: 'reboot',
    qemuStarts: 1,
    boots: true,
    run: (api, name) => api.requestAction(name, 'reboot', { type: 'HARD' }),
  },
  pause: { from: 'Running', to: 'Paused', actionRecord: 'pause', qemuStarts: 0, run: setPowerState('Paused') },
  unpause: { from: 'Paused', to: 'Running', actionRecord: 'unpause', qemuStarts: 0, run: setPowerState('Running') },
  suspend: {
    from: 'Running',
    to: 'Suspended',
    actionRecord: 'suspend',
    qemuStarts: 0,
    run: setPowerState('Suspended'),
  },
  // QEMU is frozen, so that the save takes several reconciles and the test can kill processes between two of them.
  'suspend slowly': {
    from: 'Running',
    to: 'Suspended',
    actionRecord: 'suspend',
    qemuStarts: 0,
    freezesQemuMs: 15_000,
    killPoints: /create ServerAction|domains\.save \(\d+\)|ServerAction Succeeded/,
    run: setPowerState('Suspended'),
  },
  resume: { from: 'Suspended', to: 'Running', actionRecord: 'resume', qemuStarts: 1, run: setPowerState('Running') },
  rescue: {
    from: 'Stopped',
    to: 'Rescued',
    actionRecord: 'rescue',
    qemuStarts: 1,
    boots: true,
    run: (api, name) => api.requestAction(name, 'rescue', {}),
  },
  unrescue: {
    from: 'Rescued',
    to: 'Stopped',
    actionRecord: 'unrescue',
    qemuStarts: 0,
    run: (api, name) => api.requestAction(name, 'unrescue', {}),
    asksGuest: true,
  },
  'delete rescued': { from: 'Rescued', to: 'absent', qemuStarts: 0, run: deleteServer, killPoints: /disks\.delete/ },
  rename: {
    from: 'Running',
    to: 'Running',
    qemuStarts: 0,
    // Each run must set new values. The same values again would be no change.
    run: (api, name) => api.patchSpec(name, { displayName: `name ${performance.now()}`, tags: [`t${Date.now()}`] }),
  },
  delete: { from: 'Running', to: 'absent', qemuStarts: 0, run: deleteServer, needsNewServer: true },
  'delete stopped': { from: 'Stopped', to: 'absent', qemuStarts: 0, run: deleteServer },
  'delete paused': { from: 'Paused', to: 'absent', qemuStarts: 0, run: deleteServer },
  'delete suspended': { from: 'Suspended', to: 'absent', qemuStarts: 0, run: deleteServer },
} satisfies Record<string, Story> as Readonly<Record<StoryName, Story>>

export type StoryName =
  | 'create'
  | 'stop'
  | 'stop paused'
  | 'stop suspended'
  | 'start'
  | 'reboot SOFT'
  | 'reboot HARD'
  | 'pause'
  | 'unpause'
  | 'suspend'
  | 'suspend slowly'
  | 'resume'
  | 'rescue'
  | 'unrescue'
  | 'delete rescued'
  | 'rename'
  | 'delete'
  | 'delete stopped'
  | 'delete paused'
  | 'delete suspended'

export const storyNames = Object.keys(stories) as StoryName[]

type PresentState = Exclude<State, 'absent'>

export const stateOf = ({ spec, status }: Server): PresentState =>
  status?.mode === 'rescued' ? 'Rescued' : spec.powerState

export const powerStateOf = (state: PresentState): DesiredPower => (state === 'Rescued' ? 'Stopped' : state)

/** For each state: the status.vmState of a converged server, and the state of its domain as virsh prints it. */
export const convergedStates: Record<PresentState, { vmState: VmState; domain: string }> = {
  Running: { vmState: 'active', domain: 'running' },
  Paused: { vmState: 'paused', domain: 'paused' },
  Stopped: { vmState: 'stopped', domain: 'shut off' },
  Suspended: { vmState: 'suspended', domain: 'saved' },
  Rescued: { vmState: 'rescued', domain: 'running' },
}
