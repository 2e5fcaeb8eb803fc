/** Facts about a flavor that only Nova's API has, kept in annotations of the Flavor. A flavor needs none of them. */
import type { Flavor } from '../../crds/index.ts'
import { isKubernetesName, newNameFor, suffixFrom } from './names.ts'

/** The ID of a flavor whose ID cannot be the name of a Kubernetes object. */
const FLAVOR_ID = 'compute.kubenova.io/flavor-id'
/** Nova's factor for the bandwidth of a flavor, which no hypervisor uses. Absent: 1. */
export const RXTX_FACTOR = 'compute.kubenova.io/rxtx-factor'

/** The ID that clients of the Compute API see. */
export const flavorIdOf = ({ metadata }: Pick<Flavor, 'metadata'>): string =>
  metadata.annotations?.[FLAVOR_ID] ?? metadata.name

export const rxtxFactorOf = ({ metadata }: Pick<Flavor, 'metadata'>): number =>
  Number(metadata.annotations?.[RXTX_FACTOR] ?? 1)

/** Two replicas choose the same name for an ID, so the API server refuses the second of two flavors with one ID. */
export function metadataForId(id: string): { name: string; annotations: Record<string, string> } {
  if (isKubernetesName(id)) return { name: id, annotations: {} }
  return { name: newNameFor(id, suffixFrom(id)), annotations: { [FLAVOR_ID]: id } }
}
