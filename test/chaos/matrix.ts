// Renders docs/kill-matrix.md. A case kills one process at one point of a story (one operation of a user on a server).
// A point is the moment before or after one effect of agent or controller.
import type { Case } from './cases.ts'
import { type FaultName, faultNames } from './faults.ts'
import { type StoryName, storyNames } from './stories.ts'

export interface Result extends Case {
  violations: readonly string[]
  /** Seconds from the user's request until the cloud has converged. */
  seconds: number
}

/**
 * The violation of a case whose operation did not reach the point of the kill. The runs without kills, which determine
 * the points, reached such a point only by chance.
 */
export const NOT_REACHED = 'was never reached'

export interface Matrix {
  results: readonly Result[]
  /**
   * For each operation, the names of its points (moments before or after an effect) in order: the rows of its table.
   */
  rows: ReadonlyMap<StoryName, readonly string[]>
}

export interface Header {
  date: string
  command: string
  minutes: number
  clouds: number
  /** Cases that failed and were run again after a fix. */
  retried: number
  versions: Record<string, string>
}

const stepNameOf = (pointName: string): string => pointName.replace(/^(\w+): (before|after) /, '')

function renderTable(story: StoryName, { results, rows }: Matrix): string {
  const resultOf = (pointName: string, fault: FaultName): Result | undefined =>
    results.find((r) => r.story === story && r.pointName === pointName && r.fault === fault)
  const lines = (rows.get(story) ?? []).map((pointName) => {
    const [, process = '', when = ''] = /^(\w+): (before|after) /.exec(pointName) ?? []
    const cells = faultNames.map((fault) => renderCell(resultOf(pointName, fault), fault))
    return `| ${[process, when, stepNameOf(pointName), ...cells].join(' | ')} |`
  })
  const head = ['process', '', 'step', ...faultNames]
  return [`| ${head.join(' | ')} |`, `|${head.map((_, i) => (i < 3 ? '---' : '--:')).join('|')}|`, ...lines].join('\n')
}

/**
 * Without a result, a cell of QEMU is `–` (no QEMU to kill at that point), and any other cell `?` (the case has not
 * run).
 */
function renderCell(result: Result | undefined, fault: FaultName): string {
  if (!result) return fault === 'QEMU' ? '–' : '?'
  return result.violations.length > 0 ? `**failed** ${result.seconds.toFixed(1)}` : result.seconds.toFixed(1)
}

function renderFailedCases(results: readonly Result[]): string {
  const failed = results.filter((r) => r.violations.length > 0)
  if (failed.length === 0) return 'No case failed.'
  return failed
    .map(
      ({ story, pointName, fault, violations }) => `- ${story}, ${fault} killed ${pointName}: ${violations.join('; ')}`,
    )
    .join('\n')
}

export function renderKillMatrix(
  matrix: Matrix,
  { date, command, minutes, clouds, retried, versions }: Header,
): string {
  const { results } = matrix
  const failed = results.filter((r) => r.violations.length > 0).length
  const storiesOfMatrix = storyNames.filter((story) => matrix.rows.has(story))
  const retries = retried > 0 ? `; ${retried} of them failed first and passed after a fix` : ''
  return `# Kill matrix

What happens to a server when a process is killed (\`kill -9\`) at each step of an operation on the server. \`${command}\` writes this page; do not edit it.

- ${date}, ${minutes} minutes on ${clouds} clouds at once
- **${results.length} cases, ${results.length - failed} passed, ${failed} failed**${retries}
- ${Object.entries(versions)
    .map(([name, version]) => `${name} ${version}`)
    .join(', ')}

A row is a point in time: \`before\` or \`after\` an effect of the agent on its host (a method of a capability, such as \`domains.start\`) or a write of the agent or the controller to
the API. The test holds the process at this point, kills the process that the column names, lets the held process go on (if it is not the killed one) while
the killed process is down, and starts the killed process again, as an init or a cluster would. When the cloud has converged, the test checks the API,
libvirt, processes, disks, image cache, network, filters and addresses: the server is in its desired state, exactly one domain exists for it, QEMU was started
as often as the operation needs, there is one action record with one event for each request, and there are no orphans
([test/chaos/violations.ts](../test/chaos/violations.ts), [test/chaos/story-outcome.ts](../test/chaos/story-outcome.ts)).

A cell is the time in seconds from the request until the cloud has converged. \`–\`: the server had no QEMU to kill. \`?\`: the case has not run yet. When QEMU is killed, the agent
starts the guest again if it is to run, which leaves an action record of \`start\`.

During \`suspend slowly\` QEMU stands still for some seconds, so that a step of the action lasts: the processes are killed when the agent has written the step into the
action record, and at its next checks of this step. All other points of this story are those of \`suspend\`. QEMU is not
killed in it: the action would end as \`Interrupted\`, as it should.

## Failed cases

${renderFailedCases(results)}

${storiesOfMatrix.map((story) => `## ${story}\n\n${renderTable(story, matrix)}\n`).join('\n')}`
}
