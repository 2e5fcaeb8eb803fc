/** The attributes of networks, subnets and ports that only Neutron's API has. They stand in annotations. Pure. */
import type { Network, Port, Subnet } from '../../crds/index.ts'
import { DISPLAY_NAME } from './names.ts'

const PREFIX = 'compute.kubenova.io/'
const DESCRIPTION = `${PREFIX}description`
const SUBNETS = `${PREFIX}subnets`

export const descriptionOf = ({ metadata }: Network | Port): string => metadata.annotations?.[DESCRIPTION] ?? ''

export interface SubnetFacts {
  name?: string
  description?: string
  /**
   * true: the user has deleted the subnet. A Network cannot lose a range, so the shim hides the subnet until the same
   * range is created again.
   */
  isDeleted?: boolean
}
export type SubnetFactsByCidr = Readonly<Record<string, SubnetFacts>>

export function subnetFactsOf({ metadata }: Network): SubnetFactsByCidr {
  try {
    const value: unknown = JSON.parse(metadata.annotations?.[SUBNETS] ?? '{}')
    return typeof value === 'object' && value !== null ? (value as SubnetFactsByCidr) : {}
  } catch {
    return {}
  }
}

export const factsOfSubnet = (network: Network, { cidr }: Subnet): SubnetFacts => subnetFactsOf(network)[cidr] ?? {}

/** The subnets that have not been deleted. */
export const subnetsOf = (network: Network): Subnet[] =>
  network.spec.subnets.filter((subnet) => factsOfSubnet(network, subnet).isDeleted !== true)

export const subnetAnnotation = (
  before: SubnetFactsByCidr,
  cidr: string,
  facts: SubnetFacts,
): Record<string, string> => ({
  [SUBNETS]: JSON.stringify({ ...before, [cidr]: { ...before[cidr], ...facts } }),
})

/** null removes an annotation, undefined leaves it as it is. */
export function annotationsOfNamed(
  { name, description }: { name?: string | undefined; description?: string | undefined },
  kubernetesName: string,
): Record<string, string | null> {
  return {
    ...(name === undefined ? {} : { [DISPLAY_NAME]: name === kubernetesName ? null : name }),
    ...(description === undefined ? {} : { [DESCRIPTION]: description === '' ? null : description }),
  }
}
