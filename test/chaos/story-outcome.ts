// Checks that an operation changed the server as its story (stories.ts) says, and changed nothing else.
import type { ServerAction } from '../../crds/index.ts'
import type { Snapshot } from './snapshot.ts'
import { powerStateOf, type Story, stateOf } from './stories.ts'

export interface Allowance {
  /** Each entry allows one more action record. */
  actions: readonly string[]
  /** Number of additional QEMU starts. */
  qemuStarts: number
}

interface StoryRun {
  story: Story
  server: string
  before: Snapshot
  after: Snapshot
  allowance: Allowance
}

export function findOutcomeViolations(run: StoryRun): string[] {
  const { story, server, after } = run
  const object = after.servers.find(({ metadata }) => metadata.name === server)
  if (story.to === 'absent') return object ? [`${server} still exists`] : []
  if (!object) return [`${server} does not exist`]
  if (object.spec.powerState !== powerStateOf(story.to))
    return [`${server} has spec.powerState ${object.spec.powerState}`]
  if (stateOf(object) !== story.to) return [`${server} has mode ${object.status?.mode}`]
  return [...findRecordViolations(run), ...findStartViolations(run)]
}

const nameOf = ({ metadata }: ServerAction): string => metadata.name

function findRecordViolations({ story, server, before, after, allowance }: StoryRun): string[] {
  // Ignore other servers: when one is deleted, its action records disappear with it.
  const isOwn = ({ spec }: ServerAction): boolean => spec.server === server
  const oldNames = new Set(before.records.filter(isOwn).map(nameOf))
  const added = after.records.filter((record) => isOwn(record) && !oldNames.has(nameOf(record)))
  const actions = added.map(({ spec }) => spec.action)
  const expected = story.actionRecord === undefined ? [] : [story.actionRecord]
  const surplus = [...actions]
  for (const action of [...expected, ...allowance.actions])
    if (surplus.includes(action)) surplus.splice(surplus.indexOf(action), 1)
  const lost = [...oldNames].filter((name) => !after.records.some((record) => nameOf(record) === name))
  return [
    ...expected.filter((action) => !actions.includes(action)).map((action) => `${server} has no record of ${action}`),
    ...surplus.map((action) => `${server} has a surplus record: ${action}`),
    ...lost.map((name) => `${server} has lost record ${name}`),
  ]
}

const startCountOf = ({ servers, domains, starts }: Snapshot, name: string): number => {
  const uid = servers.find(({ metadata }) => metadata.name === name)?.metadata.uid
  const domain = domains.find(({ uuid }) => uuid === uid)
  return domain ? (starts.get(domain.name) ?? 0) : 0
}

function findStartViolations({ story, server, before, after, allowance }: StoryRun): string[] {
  const count = startCountOf(after, server) - startCountOf(before, server)
  const [least, most] = [story.qemuStarts, story.qemuStarts + allowance.qemuStarts]
  if (count >= least && count <= most) return []
  return [`${server} was started ${count} times, not ${least === most ? most : `${least} to ${most}`}`]
}
