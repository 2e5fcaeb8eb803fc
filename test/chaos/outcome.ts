// What a story must have done to its server, and no more: pure, from what was seen before it and after.
import type { ServerAction } from '../../crds/index.ts'
import type { Sight } from './sight.ts'
import type { Story } from './stories.ts'

/** What a fault may add to a story's own doing. */
export interface Allowance {
  /** Actions with which the agent restores what the fault took, each at most once. */
  actions: readonly string[]
  /** QEMU processes that this starts. */
  starts: number
}

interface Told {
  story: Story
  server: string
  before: Sight
  after: Sight
  allowed: Allowance
}

export function unlike({ story, server, before, after, allowed }: Told): string[] {
  const there = after.servers.find(({ metadata }) => metadata.name === server)
  if (story.to === 'absent') return there ? [`${server} is there`] : []
  if (!there) return [`${server} is not there`]
  if (there.spec.powerState !== story.to) return [`${server} is wished ${there.spec.powerState}`]
  return [...records(story, server, before, after, allowed), ...starts(story, server, before, after, allowed)]
}

const named = ({ metadata }: ServerAction): string => metadata.name

function records(story: Story, server: string, before: Sight, after: Sight, allowed: Allowance): string[] {
  // Those of others may go, with the others.
  const isIts = ({ spec }: ServerAction): boolean => spec.server === server
  const old = new Set(before.records.filter(isIts).map(named))
  const fresh = after.records.filter((record) => isIts(record) && !old.has(named(record)))
  const actions = fresh.map(({ spec }) => spec.action)
  const own = story.record === undefined ? [] : [story.record]
  const rest = [...actions]
  for (const action of [...own, ...allowed.actions]) if (rest.includes(action)) rest.splice(rest.indexOf(action), 1)
  const lost = [...old].filter((name) => !after.records.some((record) => named(record) === name))
  return [
    ...own.filter((action) => !actions.includes(action)).map((action) => `${server} has no record of ${action}`),
    ...rest.map((action) => `${server} has one more record: ${action}`),
    ...lost.map((name) => `${server} has lost record ${name}`),
  ]
}

const startsOf = ({ servers, domains, starts }: Sight, name: string): number => {
  const uid = servers.find(({ metadata }) => metadata.name === name)?.metadata.uid
  const domain = domains.find(({ uuid }) => uuid === uid)
  return domain ? (starts.get(domain.name) ?? 0) : 0
}

function starts(story: Story, server: string, before: Sight, after: Sight, allowed: Allowance): string[] {
  const count = startsOf(after, server) - startsOf(before, server)
  const most = story.starts + allowed.starts
  if (count >= story.starts && count <= most) return []
  return [`${server} was started ${count} times, not ${story.starts === most ? most : `${story.starts} to ${most}`}`]
}
