/** The users of the embedded identity: a Secret with one value for each user, the hash of the password. */
import { createHash } from 'node:crypto'
import type { User, UserReference } from '../backend.ts'
import { isPasswordHash } from './passwords.ts'
import type { SecretMap } from './secret-map.ts'

/** The Secret with the users. An operator writes it; the shim only reads it. */
export const USERS_SECRET = 'kubenova-users'
export const USERS_TYPE = 'compute.kubenova.io/users'

/** A user's ID, made of the name, in the form that clients expect. */
export const userIdOf = (name: string): string => createHash('sha256').update(`user:${name}`).digest('hex').slice(0, 32)

/**
 * Names that the API server gives to its own components. A user with such a name would have their rights, so the shim
 * does not act as it.
 */
const isReserved = (name: string): boolean => name.startsWith('system:')

export class Users {
  readonly #secret: SecretMap

  constructor(secret: SecretMap) {
    this.#secret = secret
  }

  list(): User[] {
    return this.#secret.keys().flatMap((name) => this.get(name) ?? [])
  }

  get(name: string): User | undefined {
    return isReserved(name) || this.hashOf(name) === undefined ? undefined : { id: userIdOf(name), name }
  }

  find({ id, name }: UserReference): User | undefined {
    const user = name === undefined ? this.list().find((u) => u.id === id) : this.get(name)
    return user && (id === undefined || user.id === id) ? user : undefined
  }

  /** The hash of the user's password; undefined if there is no such user or its value is no hash. */
  hashOf(name: string): string | undefined {
    const hash = this.#secret.get(name)?.trim()
    return hash !== undefined && isPasswordHash(hash) ? hash : undefined
  }

  /** Changes with the password: a token that has another one was issued before the change, and is not valid. */
  generationOf(name: string): string {
    return createHash('sha256')
      .update(this.hashOf(name) ?? '')
      .digest('base64url')
      .slice(0, 12)
  }
}
