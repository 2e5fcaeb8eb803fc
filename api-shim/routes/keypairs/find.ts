/** Finds the key pairs of a user. */
import type { KeyPair } from '../../../crds/index.ts'
import { newNotFound } from '../../http/fault.ts'
import { isAdmin } from '../../identity/caller.ts'
import { userIdOfKeyPair } from '../../state/key-pair-owners.ts'
import { displayNameOf } from '../../state/names.ts'
import { keyPairs } from '../../state/stores.ts'
import type { Policy, RouteRequest } from '../route.ts'

type Request = Pick<RouteRequest<never>, 'state' | 'caller'>

/** As in Nova, all users may handle their own key pairs; only administrators may handle those of others. */
export function keyPairPolicy(operation: string): Policy {
  return { rule: `os_compute_api:os-keypairs:${operation}`, role: 'any', inHandler: true }
}

/**
 * The parameter `user_id` (from 2.10 on), or the caller. Throws a 403 if it is another user and the caller is no
 * administrator.
 */
export function targetUserOf(
  { caller, authorize }: Pick<RouteRequest<never>, 'caller' | 'authorize'>,
  operation: string,
  requested: string | undefined,
): string {
  const userId = requested || caller.user.id
  if (userId !== caller.user.id) authorize({ ...keyPairPolicy(operation), role: 'admin' })
  return userId
}

/**
 * Returns the user's key pairs, sorted by name. If an administrator asks for another user's key pairs, they come from
 * all projects, otherwise only from this project. Key pairs that name no user count as the caller's own.
 */
export async function keyPairsOf(userId: string, { state, caller }: Request): Promise<KeyPair[]> {
  const reader = await state.read(keyPairs)
  const isOther = userId !== caller.user.id
  const readable = isOther && isAdmin(caller) ? reader.listAllProjects() : reader.list()
  return readable
    .filter((pair) => (userIdOfKeyPair(pair) ?? (isOther ? undefined : userId)) === userId)
    .toSorted((a, b) => (displayNameOf(a) < displayNameOf(b) ? -1 : 1))
}

/** Ignores case, as Nova's database does. */
export async function findKeyPair(name: string, userId: string, request: Request): Promise<KeyPair | undefined> {
  const pairs = await keyPairsOf(userId, request)
  const isNamed = (pair: KeyPair): boolean => displayNameOf(pair).toLowerCase() === name.toLowerCase()
  return pairs.find((pair) => displayNameOf(pair) === name) ?? pairs.find(isNamed)
}

/** Throws a 404 if the user has no key pair with the name in the path. */
export async function getKeyPair(
  userId: string,
  request: Request & Pick<RouteRequest<never>, 'params'>,
): Promise<KeyPair> {
  const { id: name = '' } = request.params
  const pair = await findKeyPair(name, userId, request)
  if (!pair) throw newNotFound(`Keypair ${name} not found for user ${userId}`)
  return pair
}
