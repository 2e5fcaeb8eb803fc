// What users do to a server: each story leads from one state at rest to another.
import type { DesiredPower, VmState } from '../../crds/index.ts'
import type { Api, ImageName } from './api.ts'

/** absent: there is no such server. */
export type State = DesiredPower | 'absent'

export interface Story {
  from: State
  to: State
  /** The deed, as its user does it. */
  tell(api: Api, server: string, image: ImageName): Promise<void>
  /** The ServerAction that it leaves; none: it leaves none. */
  record?: string
  /** QEMU processes that it starts. */
  starts: 0 | 1
  /** The guest boots. */
  boots?: true
  /** The guest must have booted: it is asked to power off. */
  asksGuest?: true
  /** Of a server that has no more records than that of its creation: the number of points is that of a new one. */
  fresh?: true
}

const wish =
  (powerState: DesiredPower) =>
  (api: Api, server: string): Promise<void> =>
    api.change(server, { powerState })

const remove = (api: Api, name: string): Promise<void> => api.delete(name)

export const stories = {
  create: {
    from: 'absent',
    to: 'Running',
    record: 'create',
    starts: 1,
    boots: true,
    tell: (api, name, image) => api.create(name, image),
  },
  stop: { from: 'Running', to: 'Stopped', record: 'stop', starts: 0, tell: wish('Stopped'), asksGuest: true },
  'stop paused': {
    from: 'Paused',
    to: 'Stopped',
    record: 'stop',
    starts: 0,
    // It goes on, so as to hear that it is asked.
    tell: wish('Stopped'),
    asksGuest: true,
  },
  // What was saved is given up.
  'stop suspended': { from: 'Suspended', to: 'Stopped', record: 'stop', starts: 0, tell: wish('Stopped') },
  start: { from: 'Stopped', to: 'Running', record: 'start', starts: 1, boots: true, tell: wish('Running') },
  'reboot SOFT': {
    from: 'Running',
    to: 'Running',
    record: 'reboot',
    starts: 1,
    boots: true,
    tell: (api, name) => api.deed(name, 'reboot', { type: 'SOFT' }),
    asksGuest: true,
  },
  'reboot HARD': {
    from: 'Running',
    to: 'Running',
    record: 'reboot',
    starts: 1,
    boots: true,
    tell: (api, name) => api.deed(name, 'reboot', { type: 'HARD' }),
  },
  pause: { from: 'Running', to: 'Paused', record: 'pause', starts: 0, tell: wish('Paused') },
  unpause: { from: 'Paused', to: 'Running', record: 'unpause', starts: 0, tell: wish('Running') },
  suspend: { from: 'Running', to: 'Suspended', record: 'suspend', starts: 0, tell: wish('Suspended') },
  resume: { from: 'Suspended', to: 'Running', record: 'resume', starts: 1, tell: wish('Running') },
  rename: {
    from: 'Running',
    to: 'Running',
    starts: 0,
    // Another value each time: a name that is set already would be no change.
    tell: (api, name) => api.change(name, { displayName: `name ${performance.now()}`, tags: [`t${Date.now()}`] }),
  },
  delete: { from: 'Running', to: 'absent', starts: 0, tell: remove, fresh: true },
  'delete stopped': { from: 'Stopped', to: 'absent', starts: 0, tell: remove },
  'delete paused': { from: 'Paused', to: 'absent', starts: 0, tell: remove },
  'delete suspended': { from: 'Suspended', to: 'absent', starts: 0, tell: remove },
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
  | 'resume'
  | 'rename'
  | 'delete'
  | 'delete stopped'
  | 'delete paused'
  | 'delete suspended'

export const storyNames = Object.keys(stories) as StoryName[]

/** How a server at rest looks, by what is wished of it. */
export const atRest: Record<DesiredPower, { vmState: VmState; domain: string }> = {
  Running: { vmState: 'active', domain: 'running' },
  Paused: { vmState: 'paused', domain: 'paused' },
  Stopped: { vmState: 'stopped', domain: 'shut off' },
  Suspended: { vmState: 'suspended', domain: 'saved' },
}
