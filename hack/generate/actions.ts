/** docs/reference/actions.md: what can be asked of a server. From the registry of actions. */
import type { TObject } from 'typebox'
import type { Action } from '../../actions/action.ts'
import { actions } from '../../actions/index.ts'
import { vmStates } from '../../crds/index.ts'
import { fields, type Schema } from './fields.ts'
import { code, mark, table } from './markdown.ts'

/** How it is asked for, in words. */
function asked({ asked: { deed, wish } }: Action): string {
  const ways = [
    ...(wish === undefined ? [] : [`\`spec.powerState: ${wish}\``]),
    ...(deed === undefined ? [] : ['a ServerAction']),
  ]
  return ways.length === 0 ? 'by itself' : ways.join(' or ')
}

/** Each task state that it may have, with the parameters that lead to it. */
function tasks(action: Action): string {
  const { deed } = action.asked
  const [name, schema] = Object.entries((deed?.properties ?? {}) as Record<string, Schema>)[0] ?? []
  if (name === undefined || !schema?.enum) return code(action.task({}))
  return schema.enum.map((value) => `${code(action.task({ [name]: value }))} (${value})`).join(', ')
}

const from = ({ from: states }: Action): string =>
  states.length === vmStates.length ? 'any' : states.map(code).join(', ')

const nova = ({ nova: n }: Action): string => (n ? `\`${n.key}\` (${n.since})` : '')

function parameters(deed: TObject): string {
  const list = fields(deed)
  if (list.length === 0) return 'No parameters.\n'
  return table(
    ['Parameter', 'Values', 'Description'],
    list.map((f) => [code(f.path), f.type, f.description]),
  )
}

function section(action: Action): string {
  const { name, description, steps, event, asked: how } = action
  const parts = how.deed === undefined ? '' : `\n${parameters(how.deed)}`
  return `## ${name}

${description}
${parts}
Steps: ${steps.map((s) => code(s.name)).join(', ')}. Event of the record: \`${event}\`.
`
}

export function actionsPage(): string {
  const all = Object.values(actions)
  const head = ['Action', 'Nova', 'Asked for by', 'From vmState', 'taskState while it runs', 'vmState after']
  const rows = all.map((a) => [
    `[${a.name}](#${a.name})`,
    nova(a),
    asked(a),
    from(a),
    tasks(a),
    a.after === null ? 'gone' : code(a.after),
  ])
  return `# Actions

${mark('actions')}A lasting wish is a field of the Server; a single deed is a ServerAction. Both leave a record: \`kubectl get serveractions\`.
The column *Nova* has the key of \`POST /servers/{id}/action\` and the microversion since which it is there. From a state that is
not listed the action is refused and nothing changes. Each step may be repeated at any time, also after a crash in the middle of it.

${table(head, rows)}
${all.map(section).join('\n')}`
}
