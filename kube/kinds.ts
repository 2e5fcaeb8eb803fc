// From a kind of ours to the handle that reads and writes it.
import type { Kind, Resource as Typed } from '../crds/index.ts'
import { GROUP, VERSION } from '../crds/index.ts'
import type { Kube } from './client.ts'
import type { Resource } from './resource.ts'
import type { ResourceDef } from './types.ts'

/** Where a kind of ours is served. */
export function defOf({ plural, kind, scope }: Kind): ResourceDef {
  return { group: GROUP, version: VERSION, plural, kind, namespaced: scope === 'Namespaced' }
}

export const handleOf = <K extends Kind>(kube: Kube, kind: K): Resource<Typed<K>> =>
  kube.resource<Typed<K>>(defOf(kind))
