/**
 * ServerAction: a request for an action on a server, and later the action record (Nova's instance action) of that
 * action. The agent also creates an action record for each action that follows from a change of a spec.
 */
import { type Static, type TObject, type TSchema, Type } from 'typebox'
import {
  ageColumn,
  defineKind,
  keptStatusRule,
  Line,
  Name,
  patternWithMessage,
  RecordStatus,
  type Rule,
  Time,
} from '../schema.ts'

const ActionEvent = Type.Object({
  event: Type.String({ description: "Nova's name, such as compute_reboot_instance." }),
  host: Type.Optional(Type.String()),
  startTime: Time('When the event began.'),
  finishTime: Type.Optional(Time('When the event ended.')),
  result: Type.Optional(Type.Enum(['Success', 'Error'])),
  traceback: Type.Optional(Type.String({ maxLength: 8192 })),
})

/**
 * A step of an action. The agent records a step only if it takes long, or if a crash of the agent interrupted the
 * action.
 */
const StepStatus = Type.Object({
  name: Type.String({ description: 'Name of the step: see docs/reference/actions.md.', maxLength: 64 }),
  startedAt: Time('When the step was first tried. Its deadline counts from here, also after a restart of the agent.'),
  finishedAt: Type.Optional(Time('When the step was done; absent: it is under way, or has failed.')),
  progress: Type.Optional(Type.String({ description: 'The progress of the step, in one sentence.', maxLength: 1024 })),
})
export type StepStatus = Static<typeof StepStatus>

const actionPhases = ['Pending', 'Running', 'Succeeded', 'Failed', 'Rejected'] as const

const failureScopes = ['Request', 'Server', 'Host'] as const
export type FailureScope = (typeof failureScopes)[number]

const AnyObject = Type.Unsafe<Record<string, unknown>>({ type: 'object', 'x-kubernetes-preserve-unknown-fields': true })

/** The record of a deletion contains a copy of the Server, because the record outlives the Server (docs/adr/0062). */
const DeletedServer = Type.Object(
  {
    uid: Type.String(),
    uuid: Type.String({ description: "The server's UUID in Nova." }),
    server: AnyObject,
    actions: Type.Optional(Type.Array(AnyObject, { 'x-kubernetes-list-type': 'atomic', maxItems: 64 })),
  },
  {
    description:
      'In the record of a deletion: the Server when its deletion was requested, without user data, and its last actions.',
    'x-kubernetes-map-type': 'atomic',
  },
)

const ServerActionStatus = Type.Object({
  ...RecordStatus,
  phase: Type.Optional(Type.Enum([...actionPhases])),
  host: Type.Optional(Type.String({ description: 'The host that runs the action, or has run it.' })),
  startTime: Type.Optional(Time('When the action was admitted.')),
  finishTime: Type.Optional(Time('When the action ended.')),
  message: Type.Optional(
    Type.String({ description: 'Why the action was rejected, or why it failed.', maxLength: 8192 }),
  ),
  failureScope: Type.Optional(
    Type.Enum([...failureScopes], {
      description:
        'What the failure concerns. Request: the server stays as it is. Server: the server is in error. Host: this host cannot build the server, and another one is tried.',
    }),
  ),
  steps: Type.Optional(
    Type.Array(StepStatus, {
      description: 'The steps of an action that takes long, or that a crash of the agent interrupted.',
      'x-kubernetes-list-type': 'atomic',
      maxItems: 64,
    }),
  ),
  events: Type.Optional(Type.Array(ActionEvent, { 'x-kubernetes-list-type': 'atomic', maxItems: 64 })),
  deletedServer: Type.Optional(DeletedServer),
})

/** The actions that a ServerAction can request, each with the schema of its parameters. */
export type Members = Record<string, TSchema>

const recordFields = {
  server: Name('The Server, in the same namespace.'),
  requestId: Type.Optional(
    Type.String({
      description: "Nova's request id, req-<uuid>.",
      maxLength: 40,
      ...patternWithMessage('^req-[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$', 'must be req- and a UUID in lower case'),
    }),
  ),
  user: Type.Optional(Line('The user who requested the action.')),
  project: Type.Optional(Line('The project of that user.')),
  ignoreLock: Type.Optional(
    Type.Boolean({
      description:
        'Run the action although the server is locked, as administrators of Nova may. It needs the right to create serveractions/ignorelock.',
    }),
  ),
}

/**
 * Declares the kind ServerAction.
 * @param requestable the actions that a ServerAction can request, each with the schema of its parameters
 * @param recorded names of the other actions, which follow from changes of the spec and occur only in action records
 */
export function serverActionKind(requestable: Members, recorded: readonly string[]) {
  const names = Object.keys(requestable)
  const optional = Object.fromEntries(names.map((n) => [n, Type.Optional(requestable[n] as TSchema)]))
  // Each requestable action has an optional member of spec with its parameters. If the action has a required parameter,
  // a request for the action must have the member.
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
    rules: [
      // Users cannot request these actions. The agent alone creates ServerActions for them, with a status in the same
      // write, so a ServerAction without a phase is a request and is rejected.
      ...recorded.map((name) => ({
        rule: `self.spec.action != '${name}' || (has(self.status) && has(self.status.phase))`,
        message: `${name} cannot be requested by a ServerAction, change the Server instead; requestable are ${names.join(', ')}`,
        fieldPath: '.spec.action',
      })),
      keptStatusRule('phase'),
    ],
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

/**
 * This type has no members for the parameters of the actions, because those members depend on the registry of actions.
 */
export interface ServerAction {
  apiVersion: string
  kind: string
  metadata: import('../schema.ts').ObjectMeta
  spec: Static<TObject<typeof recordFields>> & { action: string } & Record<string, unknown>
  status?: Static<typeof ServerActionStatus>
}
