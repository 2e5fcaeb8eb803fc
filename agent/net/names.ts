/**
 * Names of everything that a network has on a host. All names derive from ids, so the agent finds its devices again
 * without storing them:
 *   kn<key>        a bridge that the agent made
 *   kubenova-<key> the network namespace of the network's DHCP server
 *   kd<key>        the DHCP server's port on the bridge: one end of a veth pair, whose other end, dhcp0, is in the
 *                  namespace
 *   tap<port>      a guest's tap device, named as Neutron names it
 * <key> is the network key: the first 12 hexadecimal digits of the Network's uid. It has only 48 bits because a Linux
 * device name has at most 15 characters.
 */
import { createHash } from 'node:crypto'
import type { Interface } from '../../crds/kinds/server-status.ts'
import type { PluggedInterface } from './types.ts'

const KEY = '[0-9a-f]{12}'
const OWNED_NAME = new RegExp(`^(?:kn|kd|kubenova-)(${KEY})$`)
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-/

/** Name of the veth device in the DHCP server's namespace. */
export const DHCP_DEVICE = 'dhcp0'

/** Returns the network key. An id that is not a UUID is hashed, so that every key has the same form. */
export function networkKey(networkId: string): string {
  return UUID.test(networkId) ? networkId.replaceAll('-', '').slice(0, 12) : sha256(networkId).slice(0, 12)
}

export const bridgeName = (networkId: string): string => `kn${networkKey(networkId)}`
export const dhcpPortName = (key: string): string => `kd${key}`
export const ownBridgeName = (key: string): string => `kn${key}`
export const namespaceName = (key: string): string => `kubenova-${key}`

/** Returns `tap` and the first 11 characters of the port's id, as Neutron does. */
export const tapName = (portId: string): string => `tap${portId.slice(0, 11)}`

/**
 * Returns the network key in the name of a bridge, DHCP port or namespace. Undefined if the agent never gives such
 * names.
 */
export function networkKeyFromDeviceName(name: string): string | undefined {
  return OWNED_NAME.exec(name)?.[1]
}

/**
 * Returns the MAC of the network's DHCP server. It is the same on every host, so that a guest's ARP cache is still
 * right after a migration. It is locally administered and outside the range from which ports get their MACs.
 */
export function dhcpMac(networkId: string): string {
  const hex = sha256(`dhcp ${networkId}`)
  return `02:6b:6e:${hex.slice(0, 2)}:${hex.slice(2, 4)}:${hex.slice(4, 6)}`
}

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex')

/**
 * Adds the device names that the domain's XML needs. They derive from ids, so the agent need not have set the interface
 * up yet.
 */
export const toPluggedInterface = (nic: Interface): PluggedInterface => ({
  ...nic,
  bridge: nic.bridge ?? bridgeName(nic.networkId),
  tap: tapName(nic.portId),
})
