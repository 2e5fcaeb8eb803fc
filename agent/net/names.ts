/**
 * Names of everything that a network has on a host. All derive from ids, so that nothing must be remembered to find it again:
 *   kn<key>        our own bridge          kubenova-<key>  network namespace of its DHCP server
 *   kd<key>        DHCP's port on the bridge; its other end, dhcp0, lies in the namespace
 *   tap<port>      a guest's tap, named as Neutron names it
 * <key> is the first 12 hexadecimal digits of the Network's uid: 48 random bits; Linux takes 15 characters.
 */
import { createHash } from 'node:crypto'
import type { Interface } from '../../crds/kinds/server-status.ts'
import type { PluggedInterface } from './types.ts'

const KEY = '[0-9a-f]{12}'
const OURS = new RegExp(`^(?:kn|kd|kubenova-)(${KEY})$`)
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-/

/** DHCP's end of the pair inside its namespace. */
export const DHCP_DEVICE = 'dhcp0'

/** Ids that are no UUID are hashed, so that any id gives a key of the same form. */
export function networkKey(networkId: string): string {
  return UUID.test(networkId) ? networkId.replaceAll('-', '').slice(0, 12) : sha256(networkId).slice(0, 12)
}

export const bridgeName = (networkId: string): string => `kn${networkKey(networkId)}`
export const dhcpPortName = (key: string): string => `kd${key}`
export const ownBridgeName = (key: string): string => `kn${key}`
export const namespaceName = (key: string): string => `kubenova-${key}`

/** `tap` and the first 11 characters of the port's id, as Neutron has it. */
export const tapName = (portId: string): string => `tap${portId.slice(0, 11)}`

/** The key in one of the names above; undefined: not ours. */
export function keyOf(name: string): string | undefined {
  return OURS.exec(name)?.[1]
}

/**
 * MAC of DHCP's end: the same on every host, so that a guest that has migrated need not learn it anew. Locally administered,
 * outside of the range that ports' MACs come from.
 */
export function dhcpMac(networkId: string): string {
  const hex = sha256(`dhcp ${networkId}`)
  return `02:6b:6e:${hex.slice(0, 2)}:${hex.slice(2, 4)}:${hex.slice(4, 6)}`
}

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex')

/** An interface with the names that its domain needs: they follow from its ids, whether it is plugged yet or not. */
export const plugged = (nic: Interface): PluggedInterface => ({
  ...nic,
  bridge: nic.bridge ?? bridgeName(nic.networkId),
  tap: tapName(nic.portId),
})
