import type { TObject } from 'typebox'
import { type Action, resultingVmState } from '../../actions/action.ts'
import { actions } from '../../actions/index.ts'
import { vmStates } from '../../crds/index.ts'
import { listFields, type Schema } from './fields.ts'
import { anchorOf, generatedMark, inlineCode, renderTable } from './markdown.ts'

function describeRequest({ request, desiredPower }: Action): string {
  const ways = [
    ...(desiredPower === undefined ? [] : [`\`spec.powerState: ${desiredPower}\``]),
    ...(request === undefined ? [] : ['a ServerAction']),
  ]
  return ways.length === 0 ? 'by itself' : ways.join(' or ')
}

function describeTaskStates(action: Action): string {
  const { task } = action
  if (!task) return 'none'
  const [name, schema] = Object.entries((action.request?.properties ?? {}) as Record<string, Schema>)[0] ?? []
  if (name === undefined || !schema?.enum) return inlineCode(task({}))
  return schema.enum.map((value) => `${inlineCode(task({ [name]: value }))} (${value})`).join(', ')
}

const describeAllowedStates = ({ from: states }: Action): string =>
  states.length === vmStates.length ? 'any' : states.map(inlineCode).join(', ')

const describeNovaKey = ({ nova: n }: Action): string => (n ? `\`${n.key}\` (${n.since})` : '')

function renderParameters(request: TObject): string {
  const list = listFields(request)
  if (list.length === 0) return 'No parameters.\n'
  return renderTable(
    ['Parameter', 'Values', 'Description'],
    list.map((f) => [inlineCode(f.path), f.type, f.description]),
  )
}

function renderSection(action: Action): string {
  const { name, description, steps, event, request } = action
  const parameterSection = request === undefined ? '' : `\n${renderParameters(request)}`
  return `## ${name}

${description}
${parameterSection}
Steps: ${steps.map((s) => inlineCode(s.name)).join(', ')}. Event of the action record: \`${event}\`.
`
}

function resultOf(action: Action): string {
  if (action.result === 'gone') return 'gone'
  const state = resultingVmState(action)
  return state === undefined ? 'unchanged' : inlineCode(state)
}

export function actionsPage(): string {
  const all = Object.values(actions)
  const head = ['Action', 'Nova', 'Requested by', 'From vmState', 'taskState while it runs', 'vmState after']
  const rows = all.map((a) => [
    `[${a.name}](#${anchorOf(a.name)})`,
    describeNovaKey(a),
    describeRequest(a),
    describeAllowedStates(a),
    describeTaskStates(a),
    resultOf(a),
  ])
  return `# Actions

${generatedMark('actions')}What should last is a field of the Server; what is done once is a ServerAction. Both leave an action record: \`kubectl get serveractions\`.
The column *Nova* has the key of \`POST /servers/{id}/action\` and the microversion since which it is there. From a state that is
not listed the action is rejected and nothing changes. Each step may be repeated at any time, also after a crash in the middle of it.

${renderTable(head, rows)}
${all.map(renderSection).join('\n')}`
}
