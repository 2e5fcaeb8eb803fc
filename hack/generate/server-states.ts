import { type Action, resultingVmState } from '../../actions/action.ts'
import { actions } from '../../actions/index.ts'
import { domainPowers, modes, type VmState, vmStateOf, vmStates } from '../../crds/index.ts'
import { generatedMark, inlineCode, renderTable } from './markdown.ts'
import type { Output } from './output.ts'

const all: readonly Action[] = Object.values(actions)

/**
 * `error`, and the states that an action leads to or starts from. The action delete is left out, because it starts from
 * every state.
 */
const states: readonly VmState[] = vmStates.filter(
  (s) => s === 'error' || all.some((a) => resultingVmState(a) === s || (a.result !== 'gone' && a.from.includes(s))),
)

/** The actions that lead from a state to another one, by the edge in the diagram: `FROM --> TO`. */
function transitions(): Map<string, string[]> {
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

function renderDiagram(): string {
  const lines = [...transitions()].map(([edge, names]) => `  ${edge}: ${names.join(', ')}`)
  return ['stateDiagram-v2', '  [*] --> building: Server is created', ...lines].join('\n')
}

function vmStateRows(): string[][] {
  return modes.map((mode) => [
    inlineCode(mode),
    ...domainPowers.map((power) => inlineCode(vmStateOf({ mode, power, launched: true, fault: false }))),
  ])
}

function serverStatesPage(): string {
  const names = all.filter(({ result }) => result !== 'gone').map(({ name }) => name)
  const rows = states.map((state) => [
    inlineCode(state),
    ...names.map((n) => (all.find((a) => a.name === n)?.from.includes(state) ? 'yes' : '')),
  ])
  return `# A server's states

${generatedMark('crds/states.ts and actions')}\`status.vmState\` has Nova's words. It is derived from four facts:

- \`status.mode\`: what the server is set up as. The agent writes it together with the end of the action that changes it.
- the power of the domain, as libvirt reports it.
- whether the server was launched. Before that it is \`building\`.
- whether the last action failed for good. Then it is \`error\`, and \`status.fault\` says why.

The vmState by mode and by the power of the domain:

${renderTable(['mode', ...domainPowers], vmStateRows())}
While an action runs, \`status.taskState\` names it in Nova's words. From every state an action that cannot succeed leads to \`error\`, unless it
has changed nothing. A server in \`error\` whose mode is rescued goes back to \`rescued\` by \`start\` and \`reboot\`. \`delete\` is allowed in every state.

\`\`\`mermaid
${renderDiagram()}
\`\`\`

## Which action is allowed in which state

${renderTable(['vmState', ...names], rows)}`
}

export const serverStates: Output = {
  folder: 'docs',
  keepOthers: true,
  files: () => [{ name: 'server-states.md', text: serverStatesPage() }],
}
