import { type ConditionType, reasonGroups, reasonTable } from '../../crds/index.ts'
import { anchorOf, generatedMark, inlineCode, renderTable } from './markdown.ts'
import type { Sections } from './sections.ts'

const conditions: readonly [type: ConditionType, kinds: string, meaning: string][] = [
  [
    'Ready',
    'all',
    'Server: it matches its spec; a server that is stopped because its spec says so is Ready. ServerAction: it has succeeded. Hypervisor: its agent runs and libvirt answers. Other kinds: the object can be used.',
  ],
  ['Reconciling', 'Server', 'Work is under way, or waits for something. Present only while it is True.'],
  [
    'Stalled',
    'all',
    'Ready is False, and stays so until somebody acts. A Server with the reason `NoValidHost` continues by itself when there is room, others need a change or an action. Present only while it is True.',
  ],
  ['Scheduled', 'Server', 'True: the Server has a host. False: the reason says why it has none.'],
  [
    'HostReachable',
    'Server',
    'False: the host is down, and the state of the server is not known. Present only while it is False.',
  ],
  ['DeletionPending', 'Server', 'The deletion waits for the host, which is down.'],
  ['Accepted', 'ServerAction', 'True: admission has accepted the action. False: the reason says why it was rejected.'],
  ['Complete', 'ServerAction', 'True: the action has ended without an error. False: the reason says why it failed.'],
]

const errorKinds: readonly [name: string, meaning: string][] = [
  ['Refused', 'The request is not allowed. It is tried again when the object, or an object that it names, changes.'],
  [
    'Transient',
    'Something is busy, late or missing. The work is tried again with growing delays; after `--max-attempts` the agent reports a fault.',
  ],
  [
    'Terminal',
    'The work cannot succeed as requested: a fault at once. A changed spec or a ServerAction tries it again.',
  ],
  ['Bug', 'A state that must not occur. It is logged with its stack.'],
]

export function errorsPage(): string {
  const kinds = errorKinds.map(([name, meaning]) => [`<a id="${anchorOf(name)}"></a>${name}`, meaning])
  const rows = Object.entries(reasonTable)
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, { httpStatus, meaning }]) => [inlineCode(name), String(httpStatus), meaning])
  return `# Conditions and errors

${generatedMark('the code')}Whatever waits, has failed or was rejected gives the reason in its conditions: \`kubectl describe\` shows them.

## Conditions

${renderTable(['Condition', 'Of', 'Meaning'], conditions)}
## Kinds of error

${renderTable(['Kind', 'Meaning'], kinds)}
## Reasons

The reason of a condition or an event, and \`status.fault.details\`. What to do about each is in
[Operate](../guide/operations.md#reasons). HTTP: the status with which the Nova API answers a request that meets this reason.

${renderTable(['Reason', 'HTTP', 'Meaning'], rows)}`
}

export function runbookOfReasons(): string {
  const groups = reasonGroups.map(([{ title, intro }, group]) => {
    const rows = Object.entries(group).map(([name, { meaning, whatToDo }]) => [inlineCode(name), meaning, whatToDo])
    return `### ${title}\n\n${intro}\n\n${renderTable(['Reason', 'Meaning', 'What to do'], rows)}`
  })
  return `${groups.join('\n')}\n`
}

export const operationsPage = (): Sections => ({
  file: 'docs/guide/operations.md',
  sections: { reasons: runbookOfReasons() },
})
