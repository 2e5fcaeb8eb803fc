/**
 * The field managers for server-side apply of status: one for each component of the controller that owns status fields
 * (status-owners.ts), and one for the agent of each host, named after the host.
 */
import { type Owner, owners } from './status-owners.ts'

export type ControllerOwner = Exclude<Owner, 'agent'>

/** Longest name of a field manager that the API server accepts. */
const MAX_LENGTH = 128
const AGENT_PREFIX = 'kubenova-agent/'

/** The field manager of a component of the controller, such as `kubenova-node-lifecycle`. */
export const fieldManagerOf = (owner: ControllerOwner): string =>
  `kubenova-${owner.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`

/** A field manager that would be too long is cut, and ends in a hash of the whole host name. */
export function agentManagerOf(host: string): string {
  const manager = AGENT_PREFIX + host
  if (manager.length <= MAX_LENGTH) return manager
  const suffix = `-${hashOf(host)}`
  return manager.slice(0, MAX_LENGTH - suffix.length) + suffix
}

/** Undefined if no status owner has this field manager. */
export function ownerOfManager(manager: string): Owner | undefined {
  if (manager.startsWith(AGENT_PREFIX)) return 'agent'
  const names = Object.keys(owners).filter((name): name is ControllerOwner => name !== 'agent')
  return names.find((name) => fieldManagerOf(name) === manager)
}

/** 64-bit FNV-1a, as 16 hexadecimal digits. */
function hashOf(text: string): string {
  let hash = 0xcbf29ce484222325n
  for (const byte of new TextEncoder().encode(text)) hash = BigInt.asUintN(64, (hash ^ BigInt(byte)) * 0x100000001b3n)
  return hash.toString(16).padStart(16, '0')
}
