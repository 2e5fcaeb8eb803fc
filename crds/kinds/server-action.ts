/** ServerAction: a deed asked of a server, and Nova's instance-action record of every deed and change. */
import { type Static, type TObject, type TSchema, Type } from 'typebox'
import { ageColumn, defineKind, Line, matchingPattern, Name, RecordStatus, type Rule, Time } from '../schema.ts'

/** Nova's event of an action: one step on one host. */
const ActionEvent = Type.Object({
  event: Type.String({ description: "Nova's name, such as compute_reboot_instance." }),
  host: Type.Optional(Type.String()),
  startTime: Time('When it began.'),
  finishTime: Type.Optional(Time('When it ended.')),
  result: Type.Optional(Type.Enum(['Success', 'Error'])),
  traceback: Type.Optional(Type.String({ maxLength: 8192 })),
})

/** A step of an action on its host. Only steps that last are recorded, and those of an action that a crash interrupted. */
const StepStatus = Type.Object({
  name: Type.String({ description: 'Name of the step: see docs/reference/actions.md.', maxLength: 64 }),
  startedAt: Time('When it was first tried. Its deadline counts from here, also after a restart of the agent.'),
  finishedAt: Type.Optional(Time('When it was done; absent: it is under way, or has failed.')),
  progress: Type.Optional(Type.String({ description: 'How far it is, in one sentence.', maxLength: 1024 })),
})
export type StepStatus = Static<typeof StepStatus>

const actionPhases = ['Pending', 'Running', 'Succeeded', 'Failed', 'Rejected'] as const

const ServerActionStatus = Type.Object({
  ...RecordStatus,
  phase: Type.Optional(Type.Enum([...actionPhases])),
  host: Type.Optional(Type.String({ description: 'The host that ran it.' })),
  startTime: Type.Optional(Time('When it was admitted.')),
  finishTime: Type.Optional(Time('When it ended.')),
  message: Type.Optional(Type.String({ description: 'Why it was refused or failed.', maxLength: 8192 })),
  steps: Type.Optional(
    Type.Array(StepStatus, {
      description: 'The steps of an action that lasts, or that a crash of the agent interrupted.',
      'x-kubernetes-list-type': 'atomic',
      maxItems: 64,
    }),
  ),
  events: Type.Optional(Type.Array(ActionEvent, { 'x-kubernetes-list-type': 'atomic', maxItems: 64 })),
})

/** Which deeds there are, each with the schema of its parameters: made from the registry in actions/. */
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
  user: Type.Optional(Line('Who asked.')),
  project: Type.Optional(Line('In which project.')),
}

/** The kind, for the given deeds and the names of the lasting wishes that leave records of the same form. */
export function serverActionKind(deeds: Members, wishes: readonly string[]) {
  const names = Object.keys(deeds)
  const optional = Object.fromEntries(names.map((n) => [n, Type.Optional(deeds[n] as TSchema)]))
  // A deed without parameters may leave its member out; records of the same name do.
  const memberRules: Rule[] = names.map((n) => {
    const needed = ((deeds[n] as { required?: string[] }).required ?? []).length > 0
    return {
      rule: needed ? `has(self.${n}) == (self.action == '${n}')` : `!has(self.${n}) || self.action == '${n}'`,
      message: needed ? `give ${n}: {…} with action: ${n}, and only with it` : `${n} goes with action: ${n} only`,
      fieldPath: `.${n}`,
    }
  })
  const spec = Type.Object(
    {
      ...recordFields,
      action: Type.Enum([...names, ...wishes], {
        description: `A deed: ${names.join(', ')}. The other names stand in records of what was done for spec changes.`,
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
      'A deed asked of a server (a reboot, …), and the record of it. One is left for each change of a server, too.',
    spec,
    status: ServerActionStatus,
    statusSubresource: false,
    // A record comes with its status, in one write.
    rules: wishes.map((wish) => ({
      rule: `self.spec.action != '${wish}' || has(self.status)`,
      message: `${wish} is not asked for by a ServerAction: change the Server instead; deeds are ${names.join(', ')}`,
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

/** A ServerAction whatever its deeds are. */
export interface ServerAction {
  apiVersion: string
  kind: string
  metadata: import('../schema.ts').ObjectMeta
  spec: Static<TObject<typeof recordFields>> & { action: string } & Record<string, unknown>
  status?: Static<typeof ServerActionStatus>
}
