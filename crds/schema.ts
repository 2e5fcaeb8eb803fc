/**
 * The types and functions with which a kind is declared: TypeBox schemas of spec and status, and the other parts of its
 * CRD. hack/generate.ts makes the YAML of the CRD from the declaration.
 */
import { type Static, type TSchema, Type } from 'typebox'

/** The API group of all our kinds, and the only version that the API server serves. */
export const GROUP = 'compute.kubenova.io'
export const VERSION = 'v1alpha1'
export const API_VERSION = `${GROUP}/${VERSION}`

/**
 * Finalizer of a Server: the agent removes it when nothing of the server is left on its host. A MutatingAdmissionPolicy
 * adds it; without that policy the controller does.
 */
export const FINALIZER = `${GROUP}/host`

/**
 * Annotation with which an administrator deletes a Server whose host does not come back. If it is "true" on a Server
 * that is being deleted, the controller finishes the deletion without the host's agent. If the host comes back later,
 * its agent removes what is left of the server on the host.
 */
export const FORCE_DELETE = `${GROUP}/force-delete`

/** A column of `kubectl get`. A column with `priority: 1` is shown only with `-o wide`. */
export interface Column {
  name: string
  type: 'string' | 'integer' | 'date' | 'boolean'
  jsonPath: string
  priority?: 0 | 1
  description?: string
}

/** A CEL rule of the API server, and the message for an object that breaks it. */
export interface Rule {
  rule: string
  message?: string
  messageExpression?: string
  reason?: 'FieldValueInvalid' | 'FieldValueForbidden' | 'FieldValueRequired' | 'FieldValueDuplicate'
  fieldPath?: string
  optionalOldSelf?: boolean
}

/** Everything about a kind that is known at build time. */
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
  /** CEL rules that apply to the whole object. */
  rules?: readonly Rule[]
  /**
   * false: the kind has no status subresource, so the status is written together with the rest of the object. The agent
   * can therefore create an action record with its status in one write (docs/adr/0003). The kind then needs a {@link
   * keptStatusRule}.
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
 * The owner reference with which the garbage collector deletes an object together with its Server. The field
 * `controller` is not set: an object has at most one controller reference, and the client that created a ServerAction
 * may have set one already.
 */
export function serverOwnerReference({ metadata: { name, uid = '' } }: { metadata: ObjectMeta }): OwnerReference {
  return { apiVersion: API_VERSION, kind: 'Server', name, uid, blockOwnerDeletion: false }
}

/** An object of kind K as the API server returns it. */
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

/** The keyword that adds these CEL rules to a schema. */
export function celRules(...list: Rule[]): { 'x-kubernetes-validations': Rule[] } {
  return { 'x-kubernetes-validations': list }
}

/**
 * Schema keyword that holds the error message for values that do not match `pattern`. In the CRD, the pattern becomes a
 * CEL rule with this message.
 */
export const MESSAGE_KEY = 'x-kubenova-says'

/**
 * The keywords for a pattern, and for the message about a value that does not match it. So users read what is allowed
 * instead of a regular expression.
 */
export const patternWithMessage = (pattern: string, message: string) => ({ pattern, [MESSAGE_KEY]: message })

/** The rule that the value of a field cannot change. */
export function immutableRule(what: string): { 'x-kubernetes-validations': Rule[] } {
  return celRules({ rule: 'self == oldSelf', message: `${what} cannot change; delete the object and create it anew` })
}

/**
 * The rule that an optional field is set at the creation of the object or never. `immutableRule` alone does not prevent
 * a user from setting it later.
 */
export const settableOnlyAtCreate = (field: string): Rule => ({
  rule: `has(self.${field}) == has(oldSelf.${field})`,
  message: `${field} cannot be added or removed later; delete the object and create it anew`,
  fieldPath: `.${field}`,
})

/** A field with a time in RFC 3339, as Kubernetes writes it. */
export const Time = (description: string) => Type.String({ description, format: 'date-time' })

export const NAME_MESSAGE =
  "must be a name as Kubernetes has it: lower-case letters, digits, '-' and '.', such as web-1, with a letter or digit at both ends"

/** A field with the name of a Kubernetes object (DNS subdomain). */
export const Name = (description: string, more: object = {}) =>
  Type.String({
    description,
    minLength: 1,
    maxLength: 253,
    ...patternWithMessage('^[a-z0-9]+((-+|\\.)[a-z0-9]+)*$', NAME_MESSAGE),
    ...more,
  })

/** A field with the name of a namespace (DNS label). */
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
 * A field with one line of text. The pattern excludes line separators and \p{C}: control characters, and characters
 * that reverse or hide the text around them.
 */
export const Line = (description: string, more: object = {}) =>
  Type.String({
    description,
    maxLength: 255,
    ...patternWithMessage('^[^\\p{C}\\p{Zl}\\p{Zp}]*$', 'must be one line of printable characters'),
    ...more,
  })

/** A field with text of any number of lines. */
export const Text = (description: string, maxLength: number) =>
  Type.String({
    description,
    maxLength,
    ...patternWithMessage(
      '^[^\\x00-\\x08\\x0b\\x0c\\x0e-\\x1f\\x7f]*$',
      'must be text: no control characters but tabs and line ends',
    ),
  })

/**
 * A field of a status with key-value pairs. The field has no rules: the pairs are copied from a spec, where rules have
 * checked them already.
 */
export const StatusPairs = (description: string) =>
  Type.Record(Type.String(), Type.String({ maxLength: 255 }), { description, maxProperties: 128 })

/** A field with key-value pairs that the user chooses. The limits are Nova's. */
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

/** A list of conditions. Server-side apply merges it by type, so that each condition can have its own field manager. */
export const Conditions = Type.Array(Condition, {
  description: 'The present state, in the form that kubectl wait and kstatus read.',
  'x-kubernetes-list-type': 'map',
  'x-kubernetes-list-map-keys': ['type'],
})

/** Fields of the status of each kind with the status subresource. */
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
 * Fields of the status of kinds without the status subresource. There is no observedGeneration, neither in the status
 * nor in a condition. Each change of such a status raises metadata.generation, so every observedGeneration would be too
 * old at once, and kubectl wait would take every condition for outdated.
 */
export const RecordStatus = { conditions: CommonStatus.conditions }

/**
 * The status that the API server gives to an object without one, as the default of the schema. Without this default,
 * kstatus would take a new object for finished before any controller has seen it (docs/adr/0034). Undefined for a kind
 * whose status has no fields: its objects are complete when they are created.
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
 * For kinds without the status subresource: the rule that a write cannot remove the status. `kubectl replace` with a
 * file that has no status would otherwise do so.
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
