/** Application credentials: secrets with which a program acts as a user in one project. A Secret has their hashes. */
import { randomBytes, randomUUID } from 'node:crypto'
import { newConflict, newForbidden } from '../../http/fault.ts'
import type { ApplicationCredential, NewApplicationCredential, User } from '../backend.ts'
import type { Caller, Project, Role } from '../caller.ts'
import { hashPassword } from './passwords.ts'
import type { SecretMap, Values } from './secret-map.ts'

export const CREDENTIALS_SECRET = 'kubenova-application-credentials'
export const CREDENTIALS_TYPE = 'compute.kubenova.io/application-credentials'

interface Stored {
  name: string
  description: string
  user: User
  project: Pick<Project, 'id' | 'name'>
  roles: readonly Role[]
  expiresAt?: string
  hash: string
}

/** All users share one Secret, so each may have only a small part of it: so many credentials with so many bytes. */
const MAX_PER_USER = 30
const MAX_BYTES_PER_USER = 16_384
/** The API server limits a Secret to 1 MiB. */
const MAX_BYTES = 900_000

/** Whether the credential was not to be used after a time that has passed. */
export const isExpired = ({ expiresAt }: Pick<ApplicationCredential, 'expiresAt'>, now: Date): boolean =>
  expiresAt !== undefined && expiresAt <= now

export class ApplicationCredentials {
  readonly #secret: SecretMap

  constructor(secret: SecretMap) {
    this.#secret = secret
  }

  get(id: string): (ApplicationCredential & { hash: string }) | undefined {
    const text = this.#secret.get(id)
    return text === undefined ? undefined : parseStored(id, text)
  }

  list(user: User): (ApplicationCredential & { hash: string })[] {
    return this.#find((credential) => credential.user.id === user.id)
  }

  #find(isWanted: (credential: ApplicationCredential) => boolean): (ApplicationCredential & { hash: string })[] {
    return [...this.#secret.values()].map(([id, text]) => parseStored(id, text)).filter(isWanted)
  }

  async create(
    caller: Caller & { project: Project },
    {
      name,
      description,
      secret = randomBytes(64).toString('base64url'),
      roles = [],
      expiresAt,
    }: NewApplicationCredential,
  ): Promise<{ credential: ApplicationCredential; secret: string }> {
    const { user, project } = caller
    if (roles.some((role) => !caller.roles.has(role)))
      throw newForbidden('The application credential may not have a role that the user does not have in the project.')
    const id = randomUUID().replaceAll('-', '')
    const shared = {
      name,
      description,
      user,
      project: { id: project.id, name: project.name },
      roles: roles.length > 0 ? roles : [...caller.roles],
    }
    const textWith = (hash: string): string =>
      JSON.stringify({
        ...shared,
        ...(expiresAt === undefined ? {} : { expiresAt: expiresAt.toISOString() }),
        hash,
      } satisfies Stored)
    // Before the hash is computed, which takes long. The cache may be outdated, so the newest values are checked, too.
    checkRoom(this.#secret.values(), shared, textWith(''))
    const text = textWith(await hashPassword(secret))
    await this.#secret.update((values) => {
      checkRoom(values, shared, text)
      return { [id]: text }
    })
    return { credential: { id, ...shared, ...(expiresAt === undefined ? {} : { expiresAt }) }, secret }
  }

  /** Returns false if the user has no such credential. */
  async delete(user: User, id: string): Promise<boolean> {
    if (this.get(id)?.user.id !== user.id) return false
    await this.#secret.update(() => ({ [id]: null }))
    return true
  }

  /** Deletes the credentials of a user, or for a project, that is deleted. */
  async deleteAll(isMeant: (credential: ApplicationCredential) => boolean): Promise<void> {
    const ids = this.#find(isMeant).map(({ id }) => id)
    if (ids.length > 0) await this.#secret.update(() => Object.fromEntries(ids.map((id) => [id, null])))
  }
}

function parseStored(id: string, text: string): ApplicationCredential & { hash: string } {
  const { expiresAt, ...stored } = JSON.parse(text) as Stored
  return { id, ...stored, ...(expiresAt === undefined ? {} : { expiresAt: new Date(expiresAt) }) }
}

/** Throws a 409 if the user has a credential with this name, and a 403 if there is no room for another one. */
function checkRoom(values: Values, { name, user }: Pick<Stored, 'name' | 'user'>, text: string): void {
  const own = [...values]
    .map(([id, value]) => ({ ...parseStored(id, value), text: value }))
    .filter((credential) => credential.user.id === user.id)
  if (own.some((credential) => credential.name === name))
    throw newConflict(`Duplicate entry found with name ${name} for application_credential.`)
  if (own.length >= MAX_PER_USER)
    throw newForbidden(
      `Unable to create additional application credentials, maximum of ${MAX_PER_USER} already exceeded for user.`,
    )
  if (bytesOf([text, ...own.map((credential) => credential.text)]) > MAX_BYTES_PER_USER)
    throw newForbidden(
      `The application credentials of a user have ${MAX_BYTES_PER_USER} bytes at most: delete some of them, or shorten their descriptions.`,
    )
  if (bytesOf([text, ...values.values()]) > MAX_BYTES)
    throw newForbidden('There are too many application credentials: ask an operator to delete unused ones.')
}

const bytesOf = (texts: readonly string[]): number => texts.reduce((sum, text) => sum + Buffer.byteLength(text), 0)
