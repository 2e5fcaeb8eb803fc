import { GROUP, type Kind, type Resource, VERSION } from './schema.ts'

/** Where the API server serves a kind. The client in kube/ infers the type of the kind's objects from it. */
export interface KindResourceDef<K extends Kind> {
  group: string
  version: string
  plural: string
  kind: string
  namespaced: boolean
  /** false: the kind has no status subresource, so the status is written together with the rest of the object. */
  statusSubresource: boolean
  /** Never set. Only the compiler uses it: it carries the type of the kind's objects. */
  readonly objectType?: Resource<K>
}

export const resourceDefOf = <K extends Kind>({
  plural,
  kind,
  scope,
  statusSubresource = true,
}: K): KindResourceDef<K> => ({
  group: GROUP,
  version: VERSION,
  plural,
  kind,
  namespaced: scope === 'Namespaced',
  statusSubresource,
})
