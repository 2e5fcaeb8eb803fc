import { createHash } from 'node:crypto'
import type { User, UserReference } from '../backend.ts'
import { isPasswordHash } from './passwords.ts'
import type { SecretMap } from './secret-map.ts'

/** An operator writes this Secret; the shim only reads it. Each key is a user, each value the hash of the password. */
export const USERS_SECRET = 'kubenova-users'
export const USERS_TYPE = 'compute.kubenova.io/users'

/** Derived from the name, in the form that clients expect. */
export const userIdOf = (name: string): string => createHash('sha256').update(`user:${name}`).digest('hex').slice(0, 32)

/** The API server's own components have such names. The shim must not act with their rights. */
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

  /** Undefined if there is no such user or its value is no hash. */
  hashOf(name: string): string | undefined {
    const hash = this.#secret.get(name)?.trim()
    return hash !== undefined && isPasswordHash(hash) ? hash : undefined
  }

  /** A token with another generation was issued before the last change of the password, and is not valid. */
  generationOf(name: string): string {
    return createHash('sha256')
      .update(this.hashOf(name) ?? '')
      .digest('base64url')
      .slice(0, 12)
  }
}
