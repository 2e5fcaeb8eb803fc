/**
 * The names of a network's devices and namespaces on a host. They derive from ids, so the agent finds them without
 * storing them:
 *   kn<key>        the bridge, if the agent made it
 *   kubenova-<key> the network namespace of the network's DHCP server
 *   kd<key>        the DHCP server's port on the bridge: one end of a veth pair, whose other end, dhcp0, is in
 *                  the namespace
 *   tap<port>      a guest's tap device, named as Neutron names it
 * <key> is the network key: the first 12 hexadecimal digits of the Network's uid. More would not fit into a Linux
 * device name, which has at most 15 characters.
 */
import { createHash } from 'node:crypto'
import type { Interface } from '../../crds/kinds/server-status.ts'
import type { PluggedInterface } from './types.ts'

const KEY = '[0-9a-f]{12}'
const OWNED_NAME = new RegExp(`^(?:kn|kd|kubenova-)(${KEY})$`)
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-/

/** Name of the veth device in the DHCP server's namespace. */
export const DHCP_DEVICE = 'dhcp0'

/** Returns the network key. An id that is not a UUID is hashed first, so that all keys have the same form. */
export function networkKey(networkId: string): string {
  return UUID.test(networkId) ? networkId.replaceAll('-', '').slice(0, 12) : sha256(networkId).slice(0, 12)
}

export const bridgeName = (networkId: string): string => `kn${networkKey(networkId)}`
export const dhcpPortName = (key: string): string => `kd${key}`
export const ownBridgeName = (key: string): string => `kn${key}`
export const namespaceName = (key: string): string => `kubenova-${key}`

export const tapName = (portId: string): string => `tap${portId.slice(0, 11)}`

/** Returns the network key in the name of a bridge, DHCP port or namespace; undefined for any other name. */
export function networkKeyFromDeviceName(name: string): string | undefined {
  return OWNED_NAME.exec(name)?.[1]
}

/**
 * All hosts' DHCP servers of a network have the same MAC, so that a guest's ARP cache stays right after a migration.
 * The MAC is locally administered, and no port can get it.
 */
export function dhcpMac(networkId: string): string {
  const hex = sha256(`dhcp ${networkId}`)
  return `02:6b:6e:${hex.slice(0, 2)}:${hex.slice(2, 4)}:${hex.slice(4, 6)}`
}

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex')

/** The bridge and the tap need not exist yet. */
export const toPluggedInterface = (nic: Interface): PluggedInterface => ({
  ...nic,
  bridge: nic.bridge ?? bridgeName(nic.networkId),
  tap: tapName(nic.portId),
})
