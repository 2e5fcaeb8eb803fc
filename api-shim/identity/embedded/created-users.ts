/** The users that clients create. Each is one key of a Secret: the key is the ID, the value is a JSON object. */
import { randomBytes, randomUUID } from 'node:crypto'
import { parseJson } from '../../../actions/parse-json.ts'
import type { Kube } from '../../../kube/client.ts'
import { newConflict, newForbidden, newNotFound } from '../../http/fault.ts'
import type { ExtraProperties, UserChange, UserDetails, UserDraft } from '../backend.ts'
import { mergeExtra } from '../extra-properties.ts'
import { hashPassword, isPasswordHash } from './passwords.ts'
import type { SecretMap, Values } from './secret-map.ts'

export const CREATED_USERS_SECRET = 'kubenova-created-users'
export const CREATED_USERS_TYPE = 'compute.kubenova.io/created-users'

interface Stored {
  name: string
  /** A token with another generation is not valid. A new password, or the disabling of the user, changes it. */
  generation: string
  hash?: string
  enabled?: boolean
  defaultProjectId?: string
  extra?: ExtraProperties
}

export interface CreatedUser extends UserDetails {
  generation: string
  /** Absent: the user has no password, and cannot log in. */
  hash?: string
}

/** Without the secret parts. */
export const detailsOf = ({ hash: _hash, generation: _generation, ...details }: CreatedUser): UserDetails => details

/** The API server limits a Secret to 1 MiB. */
const MAX_USERS = 3000

const newGeneration = (): string => randomBytes(9).toString('base64url')

export const newNameConflict = (name: string): Error =>
  newConflict(
    `Conflict occurred attempting to store user - Duplicate entry found with name ${name} at domain ID default.`,
  )

export class CreatedUsers {
  readonly #secret: SecretMap
  #parsed: { version: string | undefined; byId: Map<string, CreatedUser>; byName: Map<string, CreatedUser> }

  constructor(secret: SecretMap) {
    this.#secret = secret
    this.#parsed = { version: undefined, byId: new Map(), byName: new Map() }
  }

  list(): CreatedUser[] {
    return [...this.#current().byId.values()]
  }

  byId(id: string): CreatedUser | undefined {
    return this.#current().byId.get(id)
  }

  byName(name: string): CreatedUser | undefined {
    return this.#current().byName.get(name)
  }

  /** Throws a 409 if a client has created a user with this name. */
  async create({ name, ...properties }: UserDraft, writer: Kube): Promise<UserDetails> {
    const id = randomUUID().replaceAll('-', '')
    const stored = applyChange({ name, generation: newGeneration() }, properties, await hashOf(properties))
    await this.#secret.update((values) => {
      const users = parseUsers(values)
      if (users.some((user) => user.name === name)) throw newNameConflict(name)
      if (users.length >= MAX_USERS) throw newForbidden(`There are already ${MAX_USERS} users.`)
      return { [id]: JSON.stringify(stored) }
    }, writer)
    return detailsOf(toUser(id, stored))
  }

  /** @param writer default: the shim's own client */
  async update(id: string, change: UserChange, writer?: Kube): Promise<UserDetails> {
    const hash = await hashOf(change)
    let updated: Stored | undefined
    await this.#secret.update((values) => {
      const stored = parseStored(values.get(id))
      if (!stored) throw newNotFound(`Could not find user: ${id}.`)
      updated = applyChange(stored, change, hash)
      return { [id]: JSON.stringify(updated) }
    }, writer)
    if (!updated) throw new Error('the update of a Secret has called no function')
    return detailsOf(toUser(id, updated))
  }

  async delete(id: string, writer: Kube): Promise<void> {
    await this.#secret.update((values) => (values.has(id) ? { [id]: null } : {}), writer)
  }

  #current(): { byId: Map<string, CreatedUser>; byName: Map<string, CreatedUser> } {
    const { version } = this.#secret
    if (version === this.#parsed.version) return this.#parsed
    const users = parseUsers(this.#secret.values())
    this.#parsed = {
      version,
      byId: new Map(users.map((user) => [user.id, user])),
      byName: new Map(users.toReversed().map((user) => [user.name, user])),
    }
    return this.#parsed
  }
}

const hashOf = async ({ password }: UserChange): Promise<string | undefined> =>
  typeof password === 'string' ? hashPassword(password) : undefined

/** @param hash of the new password */
function applyChange(stored: Stored, change: UserChange, hash: string | undefined): Stored {
  const { isEnabled = stored.enabled !== false, password, defaultProjectId = stored.defaultProjectId } = change
  const endsTokens = password !== undefined || !isEnabled
  const newHash = password === undefined ? stored.hash : hash
  return {
    name: stored.name,
    generation: endsTokens ? newGeneration() : stored.generation,
    ...(newHash === undefined ? {} : { hash: newHash }),
    ...(isEnabled ? {} : { enabled: false }),
    ...(typeof defaultProjectId === 'string' ? { defaultProjectId } : {}),
    extra: mergeExtra(stored.extra, change.extra),
  }
}

const parseUsers = (values: Values): CreatedUser[] =>
  [...values]
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .flatMap(([id, text]) => {
      const stored = parseStored(text)
      return stored ? [toUser(id, stored)] : []
    })

/** Undefined if the value is not one that the shim has written. */
function parseStored(text = ''): Stored | undefined {
  const stored = (parseJson(text) ?? {}) as Partial<Stored>
  const { name, generation, hash } = stored
  const isNamed = typeof name === 'string' && name.isWellFormed() && typeof generation === 'string'
  const hasValidHash = hash === undefined || (typeof hash === 'string' && isPasswordHash(hash))
  return isNamed && hasValidHash ? (stored as Stored) : undefined
}

function toUser(id: string, { enabled, extra = {}, ...stored }: Stored): CreatedUser {
  return { ...stored, id, isEnabled: enabled !== false, extra }
}
