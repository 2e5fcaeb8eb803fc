/** Field managers of server-side apply: one for each status owner; each agent has its own, named after its host. */
import { type Owner, owners } from './status-owners.ts'

/** The status owners that are components of the controller. */
export type ControllerOwner = Exclude<Owner, 'agent'>

/** The API server refuses a longer one. */
const MAX_LENGTH = 128
const AGENT_PREFIX = 'kubenova-agent/'

/** The field manager of a component of the controller. */
export const fieldManagerOf = (owner: ControllerOwner): string =>
  `kubenova-${owner.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`

/** The field manager of a host's agent. A name that is too long ends in a hash of all of it. */
export function agentManagerOf(host: string): string {
  const manager = AGENT_PREFIX + host
  if (manager.length <= MAX_LENGTH) return manager
  const suffix = `-${hashOf(host)}`
  return manager.slice(0, MAX_LENGTH - suffix.length) + suffix
}

/** The status owner that writes under this field manager. */
export function ownerOfManager(manager: string): Owner | undefined {
  if (manager.startsWith(AGENT_PREFIX)) return 'agent'
  const names = Object.keys(owners).filter((name): name is ControllerOwner => name !== 'agent')
  return names.find((name) => fieldManagerOf(name) === manager)
}

/** FNV-1a, 64 bits, as 16 hexadecimal digits. */
function hashOf(text: string): string {
  let hash = 0xcbf29ce484222325n
  for (const byte of new TextEncoder().encode(text)) hash = BigInt.asUintN(64, (hash ^ BigInt(byte)) * 0x100000001b3n)
  return hash.toString(16).padStart(16, '0')
}
