/** How a kind is said: TypeBox schemas for spec and status plus the facts of its CRD; hack/generate.ts turns it into YAML. */
import { type Static, type TSchema, Type } from 'typebox'

/** API group and the one served version of every kind. */
export const GROUP = 'compute.kubenova.io'
export const VERSION = 'v1alpha1'
export const API_VERSION = `${GROUP}/${VERSION}`

/** Held by a Server until its host has nothing of it left. Put on by a MutatingAdmissionPolicy; by the controller where there is none. */
export const FINALIZER = `${GROUP}/host`

/** Set to "true" on a Server that is being deleted: its host is given up, and cleans up after itself if it ever comes back. */
export const FORCE_DELETE = `${GROUP}/force-delete`

/** A column of `kubectl get`; priority 1 shows only with `-o wide`. */
export interface Column {
  name: string
  type: 'string' | 'integer' | 'date' | 'boolean'
  jsonPath: string
  priority?: 0 | 1
  description?: string
}

/** A CEL rule of the API server: what must hold, and the sentence for who broke it. */
export interface Rule {
  rule: string
  message?: string
  messageExpression?: string
  reason?: 'FieldValueInvalid' | 'FieldValueForbidden' | 'FieldValueRequired' | 'FieldValueDuplicate'
  fieldPath?: string
  optionalOldSelf?: boolean
}

/** All that is known of a kind at build time. */
export interface Kind<Spec extends TSchema = TSchema, Status extends TSchema = TSchema> {
  kind: string
  plural: string
  shortNames: readonly string[]
  scope: 'Namespaced' | 'Cluster'
  description: string
  spec: Spec
  status: Status
  columns: readonly Column[]
  /** JSON paths usable as `--field-selector`; the agent's watch needs them. */
  selectableFields?: readonly string[]
  /** Rules over the whole object. */
  rules?: readonly Rule[]
  /**
   * false: status is written through the main resource, so that a record can be created whole in one write (docs/adr/0003).
   * A rule then refuses a replace that would drop the status.
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

/** The reference that makes an object go with its Server. Not as its controller, of which there may be one: who asked for a deed may have another. */
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

/** Declares a kind; only there so that the types are inferred. */
export function defineKind<Spec extends TSchema, Status extends TSchema>(k: Kind<Spec, Status>): Kind<Spec, Status> {
  return k
}

/** Puts CEL rules on a schema. */
export function celRules(...list: Rule[]): { 'x-kubernetes-validations': Rule[] } {
  return { 'x-kubernetes-validations': list }
}

/** Key of the sentence that the CRD has in the place of the `pattern` beside it: the pattern becomes a rule. */
export const MESSAGE_KEY = 'x-kubenova-says'

/** A pattern and the sentence for what does not match it. Regular expressions are for programs; people are told what is allowed. */
export const matchingPattern = (pattern: string, says: string) => ({ pattern, [MESSAGE_KEY]: says })

/** The rule that a field, once set, stays as it is. */
export function immutableRule(what: string): { 'x-kubernetes-validations': Rule[] } {
  return celRules({ rule: 'self == oldSelf', message: `${what} cannot change; delete and create anew` })
}

/** The rule that an optional field comes and goes with the object only: what `immutable` cannot say of it. */
export const settableOnlyAtCreate = (field: string): Rule => ({
  rule: `has(self.${field}) == has(oldSelf.${field})`,
  message: `${field} cannot be added or taken away later; delete and create anew`,
  fieldPath: `.${field}`,
})

/** RFC 3339 time, as Kubernetes writes it. */
export const Time = (description: string) => Type.String({ description, format: 'date-time' })

export const NAME_MESSAGE =
  "must be a name as Kubernetes has it: lower-case letters, digits, '-' and '.', such as web-1, with a letter or digit at both ends"

/** A name of a Kubernetes object (DNS subdomain). */
export const Name = (description: string, more: object = {}) =>
  Type.String({
    description,
    minLength: 1,
    maxLength: 253,
    ...matchingPattern('^[a-z0-9]+((-+|\\.)[a-z0-9]+)*$', NAME_MESSAGE),
    ...more,
  })

/** A name of a namespace (DNS label). */
export const Namespace = (description: string) =>
  Type.String({
    description,
    minLength: 1,
    maxLength: 63,
    ...matchingPattern(
      '^[a-z0-9]+(-+[a-z0-9]+)*$',
      "must be a namespace: lower-case letters, digits and '-', at most 63",
    ),
  })

/** One line for people. \p{C}: control characters, and those that turn or hide text around them. */
export const Line = (description: string, more: object = {}) =>
  Type.String({
    description,
    maxLength: 255,
    ...matchingPattern('^[^\\p{C}\\p{Zl}\\p{Zp}]*$', 'must be one line of printable characters'),
    ...more,
  })

/** Free text, of several lines. */
export const Text = (description: string, maxLength: number) =>
  Type.String({
    description,
    maxLength,
    ...matchingPattern(
      '^[^\\x00-\\x08\\x0b\\x0c\\x0e-\\x1f\\x7f]*$',
      'must be text: no control characters but tabs and line ends',
    ),
  })

/** Pairs as a status has them: what they may be has been said where they come from. */
export const Strings = (description: string) =>
  Type.Record(Type.String(), Type.String({ maxLength: 255 }), { description, maxProperties: 128 })

/** Free pairs with Nova's limits. */
export const Pairs = (description: string, ...more: Rule[]) =>
  Type.Record(Type.String(), Type.String({ maxLength: 255 }), {
    description,
    maxProperties: 128,
    ...celRules(
      {
        rule: "self.all(k, k.size() <= 255 && k.matches('^[a-zA-Z0-9_:. -]+$'))",
        message: "keys must be of letters, digits and '-', '_', ':', '.', ' ', 1 to 255 of them",
      },
      ...more,
    ),
  })

/** metav1.Condition. */
export const Condition = Type.Object({
  type: Type.String({ maxLength: 316 }),
  status: Type.Enum(['True', 'False', 'Unknown']),
  observedGeneration: Type.Optional(Type.Integer({ minimum: 0 })),
  lastTransitionTime: Time('When the status last changed.'),
  reason: Type.String({ minLength: 1, maxLength: 1024, pattern: '^[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?$' }),
  message: Type.String({ maxLength: 32768 }),
})
export type Condition = Static<typeof Condition>

/** A list of conditions, merged by type, so that each condition has one writer. */
export const Conditions = Type.Array(Condition, {
  description: 'What is true of it now, in the form that kubectl wait and kstatus read.',
  'x-kubernetes-list-type': 'map',
  'x-kubernetes-list-map-keys': ['type'],
})

/** Fields that every status has. */
export const CommonStatus = {
  observedGeneration: Type.Optional(
    Type.Integer({ minimum: 0, description: 'The generation of the spec that this status speaks of.' }),
  ),
  conditions: Type.Optional(Conditions),
}

/**
 * Fields of a status that has no subresource. No observedGeneration, in it or in its conditions: there each change of the status
 * counts as a generation, and kubectl wait would take every condition for outdated.
 */
export const RecordStatus = { conditions: CommonStatus.conditions }

const READY = `.status.conditions[?(@.type=="Ready")]`
export const readyColumn: Column = { name: 'Ready', type: 'string', jsonPath: `${READY}.status` }
export const reasonColumn: Column = { name: 'Reason', type: 'string', jsonPath: `${READY}.reason`, priority: 1 }
export const ageColumn: Column = { name: 'Age', type: 'date', jsonPath: '.metadata.creationTimestamp' }
