import type { Clock } from '../../../kube/clock.ts'
import { Fault } from '../../http/fault.ts'
import type { ApplicationCredential, Credentials } from '../backend.ts'
import { type ApplicationCredentials, isExpired } from './application-credentials.ts'
import { verifyPassword } from './passwords.ts'
import type { EmbeddedUser, Users } from './users.ts'

export const newUnauthorized = (): Fault => new Fault(401, 'The request you have made requires authentication.')

/** Proves with a secret who a user is. All failures throw the same 401, and take the same time. */
export class Proofs {
  readonly #users: Users
  readonly #credentials: ApplicationCredentials
  readonly #clock: Clock

  constructor(users: Users, credentials: ApplicationCredentials, clock: Clock) {
    this.#users = users
    this.#credentials = credentials
    this.#clock = clock
  }

  async provePassword({ user: reference, password }: NonNullable<Credentials['password']>): Promise<EmbeddedUser> {
    const user = this.#users.find(reference)
    const isValid = await verifyPassword(password, user && this.#users.hashOf(user.name))
    if (!user?.isEnabled || !isValid) throw newUnauthorized()
    return user
  }

  async proveApplicationCredential(
    given: NonNullable<Credentials['applicationCredential']>,
  ): Promise<{ user: EmbeddedUser; credential: ApplicationCredential }> {
    const credential = this.#findCredential(given)
    const user = credential && this.#users.getEnabled(credential.user.name)
    const isValid = await verifyPassword(given.secret, credential?.hash)
    if (!credential || user?.id !== credential.user.id || !isValid) throw newUnauthorized()
    if (isExpired(credential, this.#clock.wall())) throw newUnauthorized()
    return { user, credential }
  }

  #findCredential({ id, name, user: reference }: NonNullable<Credentials['applicationCredential']>) {
    if (id !== undefined) return this.#credentials.get(id)
    const user = reference && this.#users.find(reference)
    return user && this.#credentials.list(user).find((credential) => credential.name === name)
  }
}
