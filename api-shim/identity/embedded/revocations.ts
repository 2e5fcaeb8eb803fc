/**
 * The tokens that were revoked before they expired. They are in a Secret, which all replicas of the shim watch. Each
 * value is the time after which it can be removed, a space, and a detail.
 *
 * The keys are the IDs of tokens; the detail is the ID of the user. A user with many revoked tokens would fill the
 * Secret, so the next revocation ends all tokens of the user: it replaces these keys with `user.ID`, whose detail is a
 * new revision. Only tokens that were issued with this revision are valid from then on.
 */
import { randomBytes } from 'node:crypto'
import type { Changes, SecretMap, Values } from './secret-map.ts'

export const REVOCATIONS_SECRET = 'kubenova-revoked-tokens'
export const REVOCATIONS_TYPE = 'compute.kubenova.io/revoked-tokens'

const MAX_PER_USER = 100
/** The tokens of all users together. */
const MAX_TOKENS = 5_000

interface Token {
  id: string
  userId: string
  revision?: string | undefined
}

interface Entry {
  key: string
  until: Date
  detail: string
}

export class Revocations {
  readonly #secret: SecretMap

  constructor(secret: SecretMap) {
    this.#secret = secret
  }

  has({ id, userId, revision }: Token): boolean {
    const newest = this.revisionOf(userId)
    return this.#secret.get(id) !== undefined || (newest !== undefined && newest !== revision)
  }

  /** New tokens of the user must have this revision. Undefined: they need none. */
  revisionOf(userId: string): string | undefined {
    const value = this.#secret.get(keyOfUser(userId))
    return value === undefined ? undefined : parseEntry(keyOfUser(userId), value).detail
  }

  /**
   * Also forgets the revoked tokens that have expired.
   * @param tokenSeconds the longest life of a token that is issued now
   */
  async add(token: Token & { expiresAt: Date }, now: Date, tokenSeconds: number): Promise<void> {
    await this.#secret.update((values) => changesFor(values, token, now, tokenSeconds))
  }
}

function changesFor(
  values: Values,
  { id, userId, expiresAt }: Token & { expiresAt: Date },
  now: Date,
  tokenSeconds: number,
): Changes {
  const entries = [...values].map(([key, value]) => parseEntry(key, value))
  const needed = entries.filter(({ until }) => until >= now)
  const own = needed.filter(({ detail }) => detail === userId)
  const expired = removalOf(entries.filter((entry) => !needed.includes(entry)))
  if (own.length < MAX_PER_USER && needed.length < MAX_TOKENS)
    return { ...expired, [id]: `${expiresAt.toISOString()} ${userId}` }
  const until = new Date(now.getTime() + tokenSeconds * 1000)
  const revision = randomBytes(9).toString('base64url')
  return { ...expired, ...removalOf(own), [keyOfUser(userId)]: `${until.toISOString()} ${revision}` }
}

const keyOfUser = (id: string): string => `user.${id}`

function parseEntry(key: string, value: string): Entry {
  const [until = '', detail = ''] = value.split(' ')
  return { key, until: new Date(until), detail }
}

const removalOf = (entries: readonly Entry[]): Changes => Object.fromEntries(entries.map(({ key }) => [key, null]))
