/** docs/reference/lifecycle.md: a Server's states as a diagram and as a table. From the registry of actions. */
import { type Action, resultingVmState } from '../../actions/action.ts'
import { actions } from '../../actions/index.ts'
import { type VmState, vmStates } from '../../crds/index.ts'
import { code, mark, table } from './markdown.ts'

const all: readonly Action[] = Object.values(actions)

/** The states that an action leads to or from; a deletion, which is allowed in every state, adds none. */
const states: readonly VmState[] = vmStates.filter(
  (s) => s === 'error' || all.some((a) => resultingVmState(a) === s || (a.result !== 'gone' && a.from.includes(s))),
)

/** From, to → the actions that lead there. */
function edges(): Map<string, string[]> {
  const found = new Map<string, string[]>()
  for (const action of all) {
    const after = resultingVmState(action)
    if (after === undefined) continue
    for (const state of action.from) {
      const key = `${state} --> ${after}`
      found.set(key, [...(found.get(key) ?? []), action.name])
    }
  }
  return found
}

function diagram(): string {
  const lines = [...edges()].map(([edge, names]) => `  ${edge}: ${names.join(', ')}`)
  return ['stateDiagram-v2', '  [*] --> building: Server is created', ...lines].join('\n')
}

export function lifecyclePage(): string {
  const names = all.filter(({ result }) => result !== 'gone').map(({ name }) => name)
  const rows = states.map((state) => [
    code(state),
    ...names.map((n) => (all.find((a) => a.name === n)?.from.includes(state) ? 'yes' : '')),
  ])
  return `# A server's states

${mark('actions')}\`status.vmState\` has Nova's words. While an action runs, \`status.taskState\` says which kind. From every state an action that
cannot succeed leads to \`error\`, with \`status.fault\`; \`delete\` leads out of every state.

\`\`\`mermaid
${diagram()}
\`\`\`

Which action may be asked for in which state:

${table(['vmState', ...names], rows)}`
}
