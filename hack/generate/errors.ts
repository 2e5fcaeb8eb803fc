/** docs/reference/errors.md: conditions, and every reason that they can have. */
import { join } from 'node:path'
import type { ConditionType } from '../../crds/index.ts'
import { anchor, code, mark, table } from './markdown.ts'
import { allReasons, type Reason } from './reasons.ts'

/** What each condition says. Who writes it is its one writer. */
const conditions: readonly [type: ConditionType, kinds: string, meaning: string][] = [
  [
    'Ready',
    'all but ServerAction',
    'Server: it is as its spec wishes it; a server that shall be off and is off is Ready. Hypervisor: its agent is there and libvirt answers. Others: it can be used.',
  ],
  ['Reconciling', 'Server', 'Work is under way, or is waited for. There only while it is true, as kstatus has it.'],
  [
    'Stalled',
    'Server',
    'Nothing is under way: `status.fault` says why. But for `NoValidHost` it does not go on by itself. There only while it is true.',
  ],
  ['Scheduled', 'Server', 'It has a host; False: why not.'],
  [
    'HostReachable',
    'Server',
    'False: its host is down, and nothing is known of the server. There only while it is false.',
  ],
  ['DeletionPending', 'Server', 'It is deleted and waits for its host, which is down.'],
  ['Accepted', 'ServerAction', 'It was admitted to its server; False: why it was refused.'],
  ['Complete', 'ServerAction', 'It has ended well; False: it has failed, and why.'],
]

/** Reasons whose meaning no sentence in the code gives whole. */
export const explained: readonly [reason: string, condition: string, meaning: string][] = [
  ['Running, Stopped, Paused, Suspended', 'Ready', 'True: the power is what `spec.powerState` says.'],
  [
    'Building, Deleting, Rebooting, PowerChanging',
    'Ready, Reconciling',
    'The action that is under way; the message has its progress.',
  ],
  [
    'Rescued',
    'Ready',
    'The rescue system runs instead of the server’s own disk. A ServerAction with `action: unrescue` ends that; a changed `powerState` is acted on after it.',
  ],
  ['Succeeded', 'Complete', 'True: the deed has ended well.'],
  [
    'GuestShutdown',
    'Ready',
    'The guest powered itself off, and stays off. To start it: a ServerAction with `action: start`, or `powerState` to Stopped and back.',
  ],
  [
    'ChangedOnHost',
    'Ready',
    'Somebody paused, saved or resumed the domain on the host. It is left so: set `powerState` again to change it.',
  ],
  [
    'RestartDelayed',
    'Ready, Reconciling',
    'The domain ends by itself again and again. It is started again, each time later (`--restart-delay-seconds`), up to every five minutes.',
  ],
  [
    'NoValidHost',
    'Scheduled, Ready, Stalled',
    'No host can take it; the message counts the hosts by reason. It is tried again when a host, an aggregate, its flavor or its image changes, or a server goes.',
  ],
  [
    'HostDown',
    'HostReachable, Ready, DeletionPending',
    'The agent of the host has not renewed its lease, or the host is forced down. Nothing is known of the server, and nothing is done to it.',
  ],
]

const classes: readonly [name: string, meaning: string][] = [
  ['Refused', 'What was asked for may not be. It is tried again when the object, or what it names, changes.'],
  [
    'Transient',
    'Someone else is busy, late or not there. It is tried again, each time after a longer wait; the agent makes a fault of it after `--max-attempts`.',
  ],
  [
    'Terminal',
    'The work cannot succeed as it was asked for: a fault at once. A new `spec` or a ServerAction tries it anew.',
  ],
  ['Bug', 'Something that cannot be. It is logged with its stack.'],
]

/** One row a code: what all programs and places say of it. */
function rows(all: readonly Reason[]): string[][] {
  const others = all.filter(({ code: name }) => !explained.some(([names]) => names.split(', ').includes(name)))
  return [...Map.groupBy(others, (r) => r.code)].map(([name, list]) => {
    const unique = (values: readonly (string | undefined)[]) => [
      ...new Set(values.filter((v) => v !== undefined && v !== '')),
    ]
    return [
      code(name),
      unique(list.map((r) => r.kind)).join(', '),
      unique(list.map((r) => r.program)).join(', '),
      unique(list.map((r) => r.message)).join('<br>'),
    ]
  })
}

export function errorsPage(): string {
  const all = allReasons(join(import.meta.dirname, '../..'))
  const kinds = classes.map(([name, meaning]) => [`<a id="${anchor(name)}"></a>${name}`, meaning])
  return `# Conditions and errors

${mark('the code')}Anything that waits, failed or was refused says so in its conditions: \`kubectl describe\` shows them.

## Conditions

${table(['Condition', 'Of', 'Meaning'], conditions)}
## Kinds of error

${table(['Kind', 'Meaning'], kinds)}
## Reasons

The reason of a condition, of an event, and \`status.fault.details\`. In the message, … stands for names and values. A reason
without a kind is not an error, or is said of an object as a whole. Where no message is given it is libvirt's or a tool's.

${table(
  ['Reason', 'Condition', 'Meaning'],
  explained.map(([a, b, c]) => [a.split(', ').map(code).join(', '), b, c]),
)}
${table(['Reason', 'Kind', 'Said by', 'Message'], rows(all))}`
}
