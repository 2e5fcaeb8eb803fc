import type { Flavor } from '../../crds/index.ts'
import type { Links } from '../http/links.ts'
import { flavorIdOf, rxtxFactorOf } from '../state/flavor-facts.ts'
import { displayNameOf } from '../state/names.ts'
import { pythonFloat } from './floats.ts'

/** The short form of lists. */
export function renderFlavorSummary(flavor: Flavor, version: number, links: Links): object {
  return {
    id: flavorIdOf(flavor),
    name: displayNameOf(flavor),
    links: links.pair('flavors', flavorIdOf(flavor)),
    ...(version >= 55 ? { description: flavor.spec.description ?? null } : {}),
  }
}

export interface FlavorViewOptions {
  version: number
  links: Links
  showsExtraSpecs: boolean
}

export function renderFlavor(flavor: Flavor, { version, links, showsExtraSpecs }: FlavorViewOptions): object {
  const { ram, disk, vcpus, swap, ephemeral, isPublic, extraSpecs = {} } = flavor.spec
  return {
    ...renderFlavorSummary(flavor, version, links),
    ram,
    disk,
    vcpus,
    swap: renderSwap(swap, version),
    'OS-FLV-EXT-DATA:ephemeral': ephemeral,
    'os-flavor-access:is_public': isPublic,
    ...(version < 102 ? { 'OS-FLV-DISABLED:disabled': false, rxtx_factor: pythonFloat(rxtxFactorOf(flavor)) } : {}),
    ...(version >= 61 && showsExtraSpecs ? { extra_specs: { ...extraSpecs } } : {}),
  }
}

/** Renders the size of the swap disk. Before 2.75, Nova renders an empty string if there is no swap disk. */
export const renderSwap = (swap: number, version: number): number | string => (swap === 0 && version < 75 ? '' : swap)
