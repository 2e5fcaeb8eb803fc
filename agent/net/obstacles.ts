/**
 * An obstacle is a fact of the host that keeps the agent from setting up a network and that only the administrator may
 * change. The agent reports it and retries later.
 */
import { Transient } from '../../crds/errors.ts'
import type { DesiredNetwork, Link, Observed } from './types.ts'

/**
 * Returns the obstacle as a Transient error (retried); undefined if there is none.
 * @param host name of this host, for the message
 */
export function findObstacle(network: DesiredNetwork, observed: Observed, host: string): Transient | undefined {
  return network.ownBridge
    ? findOwnBridgeObstacle(network, observed, host)
    : findHostBridgeObstacle(network, observed, host)
}

function findHostBridgeObstacle(
  { name, bridge, mtu }: DesiredNetwork,
  { links }: Observed,
  host: string,
): Transient | undefined {
  const link = links.get(bridge)
  const network = `network ${name}`
  if (link?.kind !== 'bridge') {
    const found = link === undefined ? `has no bridge ${bridge}` : `has a device ${bridge} that is not a bridge`
    return new Transient('BridgeMissing', `Host ${host} ${found}, which ${network} needs: create the bridge`)
  }
  if (!link.up) return new Transient('BridgeDown', `Bridge ${bridge} of ${network} is down on host ${host}: set it up`)
  if (link.mtu < mtu) return mtuTooSmallError(link, network, mtu, host)
  return undefined
}

function findOwnBridgeObstacle(
  { name, bridge, uplink, mtu }: DesiredNetwork,
  { links }: Observed,
  host: string,
): Transient | undefined {
  const network = `network ${name}`
  const existing = links.get(bridge)
  if (existing !== undefined && existing.kind !== 'bridge')
    return new Transient(
      'BridgeNameTaken',
      `Host ${host} has a device ${bridge} that is not a bridge, but ${network} needs the name: remove the device`,
    )
  if (uplink === undefined) return undefined
  const link = links.get(uplink)
  if (link === undefined)
    return new Transient(
      'UplinkMissing',
      `Host ${host} has no device ${uplink}, which is the uplink of ${network}: add the device or name another`,
    )
  if (link.master !== undefined && link.master !== bridge)
    return new Transient(
      'UplinkBusy',
      `Uplink ${uplink} of ${network} is a port of ${link.master} on host ${host}: remove it from there`,
    )
  // A port of a bridge loses its addresses, and the host may be reachable only at one of them.
  if (link.addresses.length > 0)
    return new Transient(
      'UplinkHasAddress',
      `Uplink ${uplink} of ${network} has the address ${link.addresses.join(', ')} on host ${host}: give the network a device of its own`,
    )
  return link.mtu < mtu ? mtuTooSmallError(link, network, mtu, host) : undefined
}

function mtuTooSmallError(link: Link, network: string, mtu: number, host: string): Transient {
  return new Transient(
    'MtuTooSmall',
    `Device ${link.name} on host ${host} has an MTU of ${link.mtu}, but ${network} needs ${mtu}: raise the device's MTU`,
  )
}
