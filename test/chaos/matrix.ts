// docs/kill-matrix.md from results: pure.
import type { Case } from './cases.ts'
import { type FaultName, faultNames } from './faults.ts'
import { type StoryName, storyNames } from './stories.ts'

export interface Result extends Case {
  /** What was wrong with the end; empty: nothing. */
  wrong: readonly string[]
  /** From the deed to rest. */
  seconds: number
}

/** Of a case whose point no try has passed: a mistake of the runner's, who takes for a point what came by chance. */
export const NOT_REACHED = 'was never reached'

export interface Matrix {
  results: readonly Result[]
  /** By story, the names of its points, in order. */
  rows: ReadonlyMap<StoryName, readonly string[]>
}

export interface Header {
  date: string
  command: string
  minutes: number
  clouds: number
  /** Cases that had a wrong end, and were told again after what was wrong had been mended. */
  again: number
  versions: Record<string, string>
}

const cut = (name: string): string => name.replace(/^(\w+): (before|after) /, '')

/** Lengths of a markdown table's columns do not matter to who renders it. */
function table(story: StoryName, { results, rows }: Matrix): string {
  const of = (at: string, fault: FaultName): Result | undefined =>
    results.find((r) => r.story === story && r.at === at && r.fault === fault)
  const lines = (rows.get(story) ?? []).map((at) => {
    const [, part = '', when = ''] = /^(\w+): (before|after) /.exec(at) ?? []
    return `| ${[part, when, cut(at), ...faultNames.map((fault) => cell(of(at, fault), fault))].join(' | ')} |`
  })
  const head = ['process', '', 'step', ...faultNames]
  return [`| ${head.join(' | ')} |`, `|${head.map((_, i) => (i < 3 ? '---' : '--:')).join('|')}|`, ...lines].join('\n')
}

/** Nowhere but at QEMU is there nothing to kill. */
function cell(result: Result | undefined, fault: FaultName): string {
  if (!result) return fault === 'QEMU' ? '–' : '?'
  return result.wrong.length > 0 ? `**wrong** ${result.seconds.toFixed(1)}` : result.seconds.toFixed(1)
}

function wrongEnds(results: readonly Result[]): string {
  const wrong = results.filter((r) => r.wrong.length > 0)
  if (wrong.length === 0) return 'No end was wrong.'
  return wrong.map(({ story, at, fault, wrong }) => `- ${story}, ${fault} killed ${at}: ${wrong.join('; ')}`).join('\n')
}

export function render(matrix: Matrix, { date, command, minutes, clouds, again, versions }: Header): string {
  const { results } = matrix
  const bad = results.filter((r) => r.wrong.length > 0).length
  const told = storyNames.filter((story) => matrix.rows.has(story))
  return `# Kill matrix

What becomes of a server when a part is killed (\`kill -9\`) at each step of what is done to it. Written by \`${command}\`; do not edit.

- ${date}, ${minutes} minutes on ${clouds} clouds at once
- **${results.length} cases, ${results.length - bad} right ends, ${bad} wrong**${again > 0 ? `; ${again} were told again after what was wrong had been mended` : ''}
- ${Object.entries(versions)
    .map(([name, version]) => `${name} ${version}`)
    .join(', ')}

A row is an instant: \`before\` or \`after\` an effect of the agent on its host (a method of a capability, such as \`domains.start\`) or a write of the agent or the controller to
the API. The process is held there, the part of the column is killed, the process goes on (if it is not the one that was killed) while
the part is dead, and the part is brought back as an init or a cluster would. Then all has to come to rest, and it is looked at the API,
libvirt, processes, disks, image cache, network, filters and addresses: the server is as wished, one domain runs for it and no more, it was started
as often as the story says, there is one record with one event for what was asked, and nothing is left over
([test/chaos/wrongs.ts](../test/chaos/wrongs.ts), [test/chaos/outcome.ts](../test/chaos/outcome.ts)).

A cell is the time in seconds from the deed to rest at a right end; \`–\`: there was no QEMU to kill; \`?\`: not told yet. Where QEMU is killed, the guest is
started again if it shall run, which is a \`start\` in its records.

## Wrong ends

${wrongEnds(results)}

${told.map((story) => `## ${story}\n\n${table(story, matrix)}\n`).join('\n')}`
}
