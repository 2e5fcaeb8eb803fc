import { type Static, type TSchema, Type } from 'typebox'

export const GROUP = 'compute.kubenova.io'
export const VERSION = 'v1alpha1'
export const API_VERSION = `${GROUP}/${VERSION}`

/**
 * The finalizer of a Server. The agent removes the finalizer when nothing of the server is left on its host. A
 * MutatingAdmissionPolicy adds the finalizer; without that policy the controller does.
 */
export const FINALIZER = `${GROUP}/host`

/**
 * An annotation that an administrator sets to "true" on a Server if the host does not come back. The controller then
 * finishes the Server's deletion without the host's agent. If the host comes back, its agent removes what is left of
 * the server.
 */
export const FORCE_DELETE = `${GROUP}/force-delete`

/** A column with `priority: 1` is shown only with `-o wide`. */
export interface Column {
  name: string
  type: 'string' | 'integer' | 'date' | 'boolean'
  jsonPath: string
  priority?: 0 | 1
  description?: string
}

export interface Rule {
  rule: string
  message?: string
  messageExpression?: string
  reason?: 'FieldValueInvalid' | 'FieldValueForbidden' | 'FieldValueRequired' | 'FieldValueDuplicate'
  fieldPath?: string
  optionalOldSelf?: boolean
}

export interface Kind<Spec extends TSchema = TSchema, Status extends TSchema = TSchema> {
  kind: string
  plural: string
  shortNames: readonly string[]
  scope: 'Namespaced' | 'Cluster'
  description: string
  spec: Spec
  status: Status
  columns: readonly Column[]
  /** JSON paths that `--field-selector` accepts. The agents need them: each watches only the Servers of its host. */
  selectableFields?: readonly string[]
  rules?: readonly Rule[]
  /**
   * false: the kind has no status subresource, so the agent can create an action record with its status in one write
   * (docs/adr/0003). The kind then needs a {@link keptStatusRule}.
   */
  statusSubresource?: boolean
}

export interface ObjectMeta {
  name: string
  namespace?: string
  uid?: string
  resourceVersion?: string
  generation?: number
  creationTimestamp?: string
  deletionTimestamp?: string
  labels?: Record<string, string>
  annotations?: Record<string, string>
  finalizers?: string[]
  ownerReferences?: OwnerReference[]
}

export interface OwnerReference {
  apiVersion: string
  kind: string
  name: string
  uid: string
  blockOwnerDeletion?: boolean
}

/**
 * With this owner reference, an object is deleted together with its Server. It is no controller reference: an object
 * has at most one, and the client that created a ServerAction may have set it.
 */
export function serverOwnerReference({ metadata: { name, uid = '' } }: { metadata: ObjectMeta }): OwnerReference {
  return { apiVersion: API_VERSION, kind: 'Server', name, uid, blockOwnerDeletion: false }
}

/**
 * A Secret with this label is only for the Servers that own it. The owner references alone do not say so, because the
 * deletion of a Server with propagationPolicy Orphan removes them.
 */
export const OWNERS_ONLY_LABEL = 'compute.kubenova.io/owners-only'

export interface Resource<K extends Kind> {
  apiVersion: string
  kind: string
  metadata: ObjectMeta
  spec: Static<K['spec']>
  status?: Static<K['status']>
}

/** Returns the declaration unchanged. The call only makes TypeScript infer the types. */
export function defineKind<Spec extends TSchema, Status extends TSchema>(k: Kind<Spec, Status>): Kind<Spec, Status> {
  return k
}

export function celRules(...list: Rule[]): { 'x-kubernetes-validations': Rule[] } {
  return { 'x-kubernetes-validations': list }
}

/**
 * Schema keyword with the error message for values that do not match `pattern`. In the CRD, the pattern becomes a CEL
 * rule with this message.
 */
export const MESSAGE_KEY = 'x-kubenova-says'

/** Users get the message in place of the regular expression. */
export const patternWithMessage = (pattern: string, message: string) => ({ pattern, [MESSAGE_KEY]: message })

export function immutableRule(what: string): { 'x-kubernetes-validations': Rule[] } {
  return celRules({ rule: 'self == oldSelf', message: `${what} cannot change; delete the object and create it anew` })
}

/** `immutableRule` alone does not prevent a user from setting an optional field after the creation. */
export const settableOnlyAtCreate = (field: string): Rule => ({
  rule: `has(self.${field}) == has(oldSelf.${field})`,
  message: `${field} cannot be added or removed later; delete the object and create it anew`,
  fieldPath: `.${field}`,
})

export const Time = (description: string) => Type.String({ description, format: 'date-time' })

export const NAME_MESSAGE =
  "must be a name as Kubernetes has it: lower-case letters, digits, '-' and '.', such as web-1, with a letter or digit at both ends"

/** DNS subdomain. */
export const Name = (description: string, more: object = {}) =>
  Type.String({
    description,
    minLength: 1,
    maxLength: 253,
    ...patternWithMessage('^[a-z0-9]+((-+|\\.)[a-z0-9]+)*$', NAME_MESSAGE),
    ...more,
  })

/** DNS label. */
export const Namespace = (description: string) =>
  Type.String({
    description,
    minLength: 1,
    maxLength: 63,
    ...patternWithMessage(
      '^[a-z0-9]+(-+[a-z0-9]+)*$',
      "must be a namespace: lower-case letters, digits and '-', at most 63",
    ),
  })

/**
 * One line of text. The pattern excludes line separators and \p{C}: control characters, and characters that reverse or
 * hide the text around them.
 */
export const Line = (description: string, more: object = {}) =>
  Type.String({
    description,
    maxLength: 255,
    ...patternWithMessage('^[^\\p{C}\\p{Zl}\\p{Zp}]*$', 'must be one line of printable characters'),
    ...more,
  })

export const Text = (description: string, maxLength: number) =>
  Type.String({
    description,
    maxLength,
    ...patternWithMessage(
      '^[^\\x00-\\x08\\x0b\\x0c\\x0e-\\x1f\\x7f]*$',
      'must be text: no control characters but tabs and line ends',
    ),
  })

/** Has no rules, because the pairs are copied from a spec, where rules have checked them. */
export const StatusPairs = (description: string) =>
  Type.Record(Type.String(), Type.String({ maxLength: 255 }), { description, maxProperties: 128 })

/** The limits are Nova's. */
export const Pairs = (description: string, ...more: Rule[]) =>
  Type.Record(Type.String(), Type.String({ maxLength: 255 }), {
    description,
    maxProperties: 128,
    ...celRules(
      {
        rule: "self.all(k, k.size() <= 255 && k.matches('^[a-zA-Z0-9_:. -]+$'))",
        message: "keys must have 1 to 255 letters, digits, '-', '_', ':', '.' or ' '",
      },
      ...more,
    ),
  })

/** A condition, as metav1.Condition of Kubernetes. */
export const Condition = Type.Object({
  type: Type.String({ maxLength: 316 }),
  status: Type.Enum(['True', 'False', 'Unknown']),
  observedGeneration: Type.Optional(Type.Integer({ minimum: 0 })),
  lastTransitionTime: Time('When the status last changed.'),
  reason: Type.String({ minLength: 1, maxLength: 1024, pattern: '^[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?$' }),
  message: Type.String({ maxLength: 32768 }),
})
export type Condition = Static<typeof Condition>

/** Server-side apply merges conditions by type, so that each can have its own field manager. */
export const Conditions = Type.Array(Condition, {
  description: 'The present state, in the form that kubectl wait and kstatus read.',
  'x-kubernetes-list-type': 'map',
  'x-kubernetes-list-map-keys': ['type'],
})

export const CommonStatus = {
  observedGeneration: Type.Optional(
    Type.Integer({
      minimum: -1,
      description:
        'The generation of the spec that this status was computed from. -1: no controller has seen the object yet.',
    }),
  ),
  conditions: Type.Optional(Conditions),
}

/**
 * Status of kinds without the status subresource. It has no observedGeneration: each change of the status raises
 * metadata.generation, so kubectl wait would always take the conditions for outdated.
 */
export const RecordStatus = { conditions: CommonStatus.conditions }

/**
 * The schema's default for the status. Without it, kstatus would take a new object for finished before a controller has
 * seen it (docs/adr/0034). Undefined for a kind whose status has no fields: its objects are complete when they are
 * created.
 */
export function initialStatusOf({
  status,
  statusSubresource = true,
}: Pick<Kind, 'status' | 'statusSubresource'>): object | undefined {
  if (Object.keys((status as { properties?: object }).properties ?? {}).length === 0) return undefined
  return statusSubresource ? { observedGeneration: -1 } : { conditions: [pendingCondition] }
}

const pendingCondition: Condition = {
  type: 'Ready',
  status: 'Unknown',
  reason: 'Pending',
  message: 'waiting for the controller',
  lastTransitionTime: '1970-01-01T00:00:00Z',
}

/**
 * For kinds without the status subresource: a write cannot remove the status, as `kubectl replace` with a file without
 * status would.
 * @param field a field of the status that stays once it is set
 */
export const keptStatusRule = (field: string): Rule => ({
  rule: `!has(oldSelf.status) || !has(oldSelf.status.${field}) || (has(self.status) && has(self.status.${field}))`,
  message: 'the status would be lost: use kubectl apply, patch or edit instead of replace',
})

const READY = `.status.conditions[?(@.type=="Ready")]`
export const readyColumn: Column = { name: 'Ready', type: 'string', jsonPath: `${READY}.status` }
export const reasonColumn: Column = { name: 'Reason', type: 'string', jsonPath: `${READY}.reason`, priority: 1 }
export const ageColumn: Column = { name: 'Age', type: 'date', jsonPath: '.metadata.creationTimestamp' }
