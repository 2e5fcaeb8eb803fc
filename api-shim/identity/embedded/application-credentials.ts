/** Application credentials: secrets with which a program acts as a user in one project. A Secret has their hashes. */
import { randomBytes, randomUUID } from 'node:crypto'
import { newConflict, newForbidden } from '../../http/fault.ts'
import type { ApplicationCredential, NewApplicationCredential, User } from '../backend.ts'
import type { Caller, Project, Role } from '../caller.ts'
import { hashPassword } from './passwords.ts'
import type { SecretMap } from './secret-map.ts'

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

/**
 * The most application credentials of all users together: their hashes are in one Secret, which the API server limits
 * to 1 MiB.
 */
const MAX_CREDENTIALS = 1500

export class ApplicationCredentials {
  readonly #secret: SecretMap

  constructor(secret: SecretMap) {
    this.#secret = secret
  }

  get(id: string): (ApplicationCredential & { hash: string }) | undefined {
    const text = this.#secret.get(id)
    if (text === undefined) return undefined
    const { expiresAt, ...stored } = JSON.parse(text) as Stored
    return { id, ...stored, ...(expiresAt === undefined ? {} : { expiresAt: new Date(expiresAt) }) }
  }

  list(user: User): (ApplicationCredential & { hash: string })[] {
    return this.#find((credential) => credential.user.id === user.id)
  }

  #find(isWanted: (credential: ApplicationCredential) => boolean): (ApplicationCredential & { hash: string })[] {
    return this.#secret.keys().flatMap((id) => {
      const credential = this.get(id)
      return credential && isWanted(credential) ? [credential] : []
    })
  }

  async create(
    caller: Caller & { project: Project },
    { name, description, secret = randomBytes(64).toString('base64url'), roles, expiresAt }: NewApplicationCredential,
  ): Promise<{ credential: ApplicationCredential; secret: string }> {
    const { user, project } = caller
    if (roles?.some((role) => !caller.roles.has(role)))
      throw newForbidden('The application credential may not have a role that the user does not have in the project.')
    if (this.list(user).some((credential) => credential.name === name))
      throw newConflict(`Duplicate entry found with name ${name} for application_credential.`)
    if (this.#secret.keys().length >= MAX_CREDENTIALS) throw newForbidden('There are too many application credentials.')
    const id = randomUUID().replaceAll('-', '')
    const shared = {
      name,
      description,
      user,
      project: { id: project.id, name: project.name },
      roles: roles ?? [...caller.roles],
    }
    const stored: Stored = {
      ...shared,
      ...(expiresAt === undefined ? {} : { expiresAt: expiresAt.toISOString() }),
      hash: await hashPassword(secret),
    }
    await this.#secret.update(() => ({ [id]: JSON.stringify(stored) }))
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
