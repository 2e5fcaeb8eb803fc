/** ServerAction: an action requested of a server, and Nova's instance-action record of each action and change. */
import { type Static, type TObject, type TSchema, Type } from 'typebox'
import { ageColumn, defineKind, Line, matchingPattern, Name, RecordStatus, type Rule, Time } from '../schema.ts'

/** Nova's event of an action: one step on one host. */
const ActionEvent = Type.Object({
  event: Type.String({ description: "Nova's name, such as compute_reboot_instance." }),
  host: Type.Optional(Type.String()),
  startTime: Time('When the event began.'),
  finishTime: Type.Optional(Time('When the event ended.')),
  result: Type.Optional(Type.Enum(['Success', 'Error'])),
  traceback: Type.Optional(Type.String({ maxLength: 8192 })),
})

/**
 * A step of an action on its host. Only long steps are recorded, and the steps of an action that a crash interrupted.
 */
const StepStatus = Type.Object({
  name: Type.String({ description: 'Name of the step: see docs/reference/actions.md.', maxLength: 64 }),
  startedAt: Time('When the step was first tried. Its deadline counts from here, also after a restart of the agent.'),
  finishedAt: Type.Optional(Time('When the step was done; absent: it is under way, or has failed.')),
  progress: Type.Optional(Type.String({ description: 'The progress of the step, in one sentence.', maxLength: 1024 })),
})
export type StepStatus = Static<typeof StepStatus>

const actionPhases = ['Pending', 'Running', 'Succeeded', 'Failed', 'Rejected'] as const

const ServerActionStatus = Type.Object({
  ...RecordStatus,
  phase: Type.Optional(Type.Enum([...actionPhases])),
  host: Type.Optional(Type.String({ description: 'The host that runs the action, or has run it.' })),
  startTime: Type.Optional(Time('When the action was admitted.')),
  finishTime: Type.Optional(Time('When the action ended.')),
  message: Type.Optional(
    Type.String({ description: 'Why the action was rejected, or why it failed.', maxLength: 8192 }),
  ),
  steps: Type.Optional(
    Type.Array(StepStatus, {
      description: 'The steps of an action that takes long, or that a crash of the agent interrupted.',
      'x-kubernetes-list-type': 'atomic',
      maxItems: 64,
    }),
  ),
  events: Type.Optional(Type.Array(ActionEvent, { 'x-kubernetes-list-type': 'atomic', maxItems: 64 })),
})

/** The requestable actions, each with the schema of its parameters, from the registry in actions/. */
export type Members = Record<string, TSchema>

const recordFields = {
  server: Name('The Server, in the same namespace.'),
  requestId: Type.Optional(
    Type.String({
      description: "Nova's request id, req-<uuid>.",
      maxLength: 40,
      ...matchingPattern('^req-[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$', 'must be req- and a UUID in lower case'),
    }),
  ),
  user: Type.Optional(Line('The user who requested the action.')),
  project: Type.Optional(Line('The project of that user.')),
}

/**
 * The kind ServerAction.
 * @param requestable the actions that a ServerAction can request, each with the schema of its parameters
 * @param recorded names of the other actions, which stand only in action records of changes of the spec
 */
export function serverActionKind(requestable: Members, recorded: readonly string[]) {
  const names = Object.keys(requestable)
  const optional = Object.fromEntries(names.map((n) => [n, Type.Optional(requestable[n] as TSchema)]))
  // The member of an action without required parameters may be left out; action records leave it out.
  const memberRules: Rule[] = names.map((n) => {
    const needed = ((requestable[n] as { required?: string[] }).required ?? []).length > 0
    return {
      rule: needed ? `has(self.${n}) == (self.action == '${n}')` : `!has(self.${n}) || self.action == '${n}'`,
      message: needed ? `give ${n}: {…} with action: ${n}, and only with it` : `${n} goes with action: ${n} only`,
      fieldPath: `.${n}`,
    }
  })
  const spec = Type.Object(
    {
      ...recordFields,
      action: Type.Enum([...names, ...recorded], {
        description: `The action to request: ${names.join(', ')}. The other names stand only in action records of changes of the spec.`,
      }),
      ...optional,
    },
    {
      'x-kubernetes-validations': [
        { rule: 'self == oldSelf', message: 'spec of a ServerAction cannot change; create another one' },
        ...memberRules,
      ],
    },
  )
  return defineKind({
    kind: 'ServerAction',
    plural: 'serveractions',
    shortNames: ['sact'],
    scope: 'Namespaced',
    description:
      'An action requested of a server, such as a reboot, and the record of it. The agent also records each change that it makes for a changed spec.',
    spec,
    status: ServerActionStatus,
    statusSubresource: false,
    // An action record is created with its status in one write.
    rules: recorded.map((name) => ({
      rule: `self.spec.action != '${name}' || has(self.status)`,
      message: `${name} cannot be requested by a ServerAction, change the Server instead; requestable are ${names.join(', ')}`,
      fieldPath: '.spec.action',
    })),
    selectableFields: ['.spec.server', '.status.phase'],
    columns: [
      { name: 'Server', type: 'string', jsonPath: '.spec.server' },
      { name: 'Action', type: 'string', jsonPath: '.spec.action' },
      { name: 'Phase', type: 'string', jsonPath: '.status.phase' },
      { name: 'Host', type: 'string', jsonPath: '.status.host' },
      { name: 'Started', type: 'date', jsonPath: '.status.startTime' },
      { name: 'Message', type: 'string', jsonPath: '.status.message' },
      { name: 'Request', type: 'string', jsonPath: '.spec.requestId', priority: 1 },
      { name: 'User', type: 'string', jsonPath: '.spec.user', priority: 1 },
      ageColumn,
    ],
  })
}

/** The type of a ServerAction, independent of the actions that can be requested. */
export interface ServerAction {
  apiVersion: string
  kind: string
  metadata: import('../schema.ts').ObjectMeta
  spec: Static<TObject<typeof recordFields>> & { action: string } & Record<string, unknown>
  status?: Static<typeof ServerActionStatus>
}
