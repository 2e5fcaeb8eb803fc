import { createHash } from 'node:crypto'
import type { UserDetails, UserReference } from '../backend.ts'
import { type CreatedUsers, detailsOf } from './created-users.ts'
import { isPasswordHash } from './passwords.ts'
import type { SecretMap } from './secret-map.ts'

/** An operator writes this Secret; the shim only reads it. Each key is a user, each value the hash of the password. */
export const USERS_SECRET = 'kubenova-users'
export const USERS_TYPE = 'compute.kubenova.io/users'

export interface EmbeddedUser extends UserDetails {
  /** The user that the API server sees. */
  kubernetesName: string
  /** Whether a client has created the user. Clients cannot change the users of the operator. */
  isCreated: boolean
}

/** Derived from the name, in the form that clients expect. */
export const userIdOf = (name: string): string => createHash('sha256').update(`user:${name}`).digest('hex').slice(0, 32)

/**
 * The names of the Kubernetes users behind the users that clients create. No other user has such a name, because it is
 * no key of a Secret, so a client cannot create a user with the rights of another. The ID makes sure that a new user
 * does not get the rights of a deleted one with the same name.
 */
export const CREATED_USER_PREFIX = 'kubenova:user:'
const kubernetesNameOf = (name: string, id: string): string => `${CREATED_USER_PREFIX}${encodeURIComponent(name)}:${id}`

export class Users {
  readonly #operators: SecretMap
  readonly #created: CreatedUsers

  constructor(operators: SecretMap, created: CreatedUsers) {
    this.#operators = operators
    this.#created = created
  }

  list(): EmbeddedUser[] {
    const names = new Set([...this.#operators.keys(), ...this.#created.list().map(({ name }) => name)])
    return [...names].flatMap((name) => this.get(name) ?? [])
  }

  /** If the operator and a client have a user with this name, it is the operator's. */
  get(name: string): EmbeddedUser | undefined {
    if (this.#operatorHashOf(name) !== undefined)
      return { id: userIdOf(name), name, isEnabled: true, extra: {}, kubernetesName: name, isCreated: false }
    const created = this.#created.byName(name)
    if (!created) return undefined
    return { ...detailsOf(created), kubernetesName: kubernetesNameOf(name, created.id), isCreated: true }
  }

  /** Undefined also if the user is disabled. */
  getEnabled(name: string): EmbeddedUser | undefined {
    const user = this.get(name)
    return user?.isEnabled === true ? user : undefined
  }

  find({ id, name }: UserReference): EmbeddedUser | undefined {
    const user = name === undefined ? this.#findById(id) : this.get(name)
    return user && (id === undefined || user.id === id) ? user : undefined
  }

  #findById(id = ''): EmbeddedUser | undefined {
    const name = this.#created.byId(id)?.name ?? this.#operators.keys().find((candidate) => userIdOf(candidate) === id)
    return name === undefined ? undefined : this.get(name)
  }

  /** Undefined if there is no such user, or if the user has no password or a value that is no hash. */
  hashOf(name: string): string | undefined {
    return this.#operatorHashOf(name) ?? this.#created.byName(name)?.hash
  }

  /** A token with another generation was issued before the last change of the password, and is not valid. */
  generationOf(name: string): string {
    const hash = this.#operatorHashOf(name)
    if (hash === undefined) return this.#created.byName(name)?.generation ?? ''
    return createHash('sha256').update(hash).digest('base64url').slice(0, 12)
  }

  #operatorHashOf(name: string): string | undefined {
    // The API server's own components have such names. The shim must not act with their rights.
    if (name.startsWith('system:')) return undefined
    const hash = this.#operators.get(name)?.trim()
    return hash !== undefined && isPasswordHash(hash) ? hash : undefined
  }
}
