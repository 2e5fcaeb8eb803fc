import type { ObjectMeta, TypedResourceDef } from './types.ts'

const coreKind = <T>(plural: string, kind: string, namespaced = true): TypedResourceDef<T> => ({
  group: '',
  version: 'v1',
  plural,
  kind,
  namespaced,
})

export const configMaps = coreKind<ConfigMap>('configmaps', 'ConfigMap')
export const namespaces = coreKind<Namespace>('namespaces', 'Namespace', false)
export const secrets = coreKind<Secret>('secrets', 'Secret')
export const customResourceDefinitions: TypedResourceDef<CustomResourceDefinition> = {
  group: 'apiextensions.k8s.io',
  version: 'v1',
  plural: 'customresourcedefinitions',
  kind: 'CustomResourceDefinition',
  namespaced: false,
}
export const leases: TypedResourceDef<Lease> = {
  group: 'coordination.k8s.io',
  version: 'v1',
  plural: 'leases',
  kind: 'Lease',
  namespaced: true,
}
export const events: TypedResourceDef<Event> = {
  group: 'events.k8s.io',
  version: 'v1',
  plural: 'events',
  kind: 'Event',
  namespaced: true,
}

const rbacKind = <T>(plural: string, kind: string, namespaced: boolean): TypedResourceDef<T> => ({
  group: 'rbac.authorization.k8s.io',
  version: 'v1',
  plural,
  kind,
  namespaced,
})
export const roleBindings = rbacKind<RoleBinding>('rolebindings', 'RoleBinding', true)
export const clusterRoleBindings = rbacKind<ClusterRoleBinding>('clusterrolebindings', 'ClusterRoleBinding', false)
export const subjectAccessReviews: TypedResourceDef<SubjectAccessReview> = {
  group: 'authorization.k8s.io',
  version: 'v1',
  plural: 'subjectaccessreviews',
  kind: 'SubjectAccessReview',
  namespaced: false,
}

export const tokenReviews: TypedResourceDef<TokenReview> = {
  group: 'authentication.k8s.io',
  version: 'v1',
  plural: 'tokenreviews',
  kind: 'TokenReview',
  namespaced: false,
}
/** The subresource `token` of a ServiceAccount. */
export const tokenRequestsOf = (serviceAccount: string): TypedResourceDef<TokenRequest> => ({
  group: '',
  version: 'v1',
  plural: `serviceaccounts/${serviceAccount}/token`,
  kind: 'TokenRequest',
  apiVersion: 'authentication.k8s.io/v1',
  namespaced: true,
})

interface BuiltinObject {
  apiVersion?: string
  kind?: string
  metadata: ObjectMeta
}
export interface ConfigMap extends BuiltinObject {
  data?: Record<string, string>
  binaryData?: Record<string, string>
  immutable?: boolean
}
export interface Secret extends BuiltinObject {
  type?: string
  /** The values are in base64. */
  data?: Record<string, string>
}
export interface Namespace extends BuiltinObject {
  status?: { phase?: string }
}
export type CustomResourceDefinition = BuiltinObject
export interface Lease extends BuiltinObject {
  spec?: {
    holderIdentity?: string
    leaseDurationSeconds?: number
    /** metav1.MicroTime: RFC 3339 with six digits after the second. */
    acquireTime?: string
    renewTime?: string
    leaseTransitions?: number
  }
}
/** The API server accepts a `note` of at most 1 kB, and an `action` and a `reason` of at most 128 characters. */
export interface Event extends BuiltinObject {
  eventTime: string
  series?: { count: number; lastObservedTime: string }
  reportingController: string
  reportingInstance: string
  action: string
  reason: string
  regarding: ObjectReference
  related?: ObjectReference
  note?: string
  type: 'Normal' | 'Warning'
}
export interface ObjectReference {
  apiVersion?: string | undefined
  kind?: string | undefined
  name?: string | undefined
  namespace?: string | undefined
  uid?: string | undefined
  resourceVersion?: string | undefined
  fieldPath?: string | undefined
}

export interface Subject {
  kind: string
  name: string
  namespace?: string
  apiGroup?: string
}
interface BindingFields {
  roleRef: { apiGroup: string; kind: string; name: string }
  subjects?: Subject[]
}
export interface RoleBinding extends BuiltinObject, BindingFields {}
export interface ClusterRoleBinding extends BuiltinObject, BindingFields {}
export interface SubjectAccessReview extends BuiltinObject {
  spec: {
    user?: string
    groups?: string[]
    resourceAttributes?: {
      namespace?: string | undefined
      verb: string
      group: string
      resource: string
      subresource?: string | undefined
      name?: string | undefined
    }
  }
  status?: { allowed: boolean; reason?: string }
}
export interface TokenReview extends BuiltinObject {
  spec: { token: string; audiences?: string[] }
  status?: { authenticated?: boolean; user?: { username?: string }; audiences?: string[]; error?: string }
}
export interface TokenRequest extends BuiltinObject {
  spec: { audiences: string[]; expirationSeconds?: number }
  status?: { token: string; expirationTimestamp: string }
}
