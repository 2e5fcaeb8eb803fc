/** What of the host stands in the way of a network and is not ours to change: told, and tried again later. */
import { Transient } from '../../crds/errors.ts'
import type { DesiredNetwork, Link, Observed } from './types.ts'

/** undefined: nothing is in the way. `host` only names it in the message. */
export function obstacle(network: DesiredNetwork, observed: Observed, host: string): Transient | undefined {
  return network.ownBridge ? ofOwnBridge(network, observed, host) : ofNamedBridge(network, observed, host)
}

function ofNamedBridge(
  { name, bridge, mtu }: DesiredNetwork,
  { links }: Observed,
  host: string,
): Transient | undefined {
  const link = links.get(bridge)
  const network = `network ${name}`
  if (link?.kind !== 'bridge') {
    const what = link === undefined ? 'there is none' : `${bridge} is no bridge there`
    return new Transient('BridgeMissing', `Bridge ${bridge} of ${network} is needed on host ${host}: ${what}`)
  }
  if (!link.up) return new Transient('BridgeDown', `Bridge ${bridge} of ${network} is down on host ${host}`)
  if (link.mtu < mtu) return mtuTooSmall(link, network, mtu, host)
  return undefined
}

function ofOwnBridge(
  { name, bridge, uplink, mtu }: DesiredNetwork,
  { links }: Observed,
  host: string,
): Transient | undefined {
  const network = `network ${name}`
  const existing = links.get(bridge)
  if (existing !== undefined && existing.kind !== 'bridge')
    return new Transient('BridgeNameTaken', `${bridge} of ${network} is on host ${host} something else than a bridge`)
  if (uplink === undefined) return undefined
  const link = links.get(uplink)
  if (link === undefined) return new Transient('UplinkMissing', `Uplink ${uplink} of ${network} is not on host ${host}`)
  if (link.master !== undefined && link.master !== bridge)
    return new Transient('UplinkBusy', `Uplink ${uplink} of ${network} belongs to ${link.master} on host ${host}`)
  // In a bridge it would lose them, and the host perhaps its only way to be reached.
  if (link.addresses.length > 0)
    return new Transient(
      'UplinkHasAddress',
      `Uplink ${uplink} of ${network} carries ${link.addresses.join(', ')} on host ${host}: give the network a device of its own`,
    )
  return link.mtu < mtu ? mtuTooSmall(link, network, mtu, host) : undefined
}

function mtuTooSmall(link: Link, network: string, mtu: number, host: string): Transient {
  return new Transient('MtuTooSmall', `${link.name} on host ${host} has an MTU of ${link.mtu}; ${network} needs ${mtu}`)
}
