import type { Kube } from '../../../kube/client.ts'
import type { Clock } from '../../../kube/clock.ts'
import type { Log } from '../../../kube/log.ts'
import { Fault } from '../../http/fault.ts'
import type { State } from '../../state/state.ts'
import { namespacesByUid } from '../../state/stores.ts'
import type {
  ApplicationCredential,
  Credentials,
  IdentityBackend,
  NewApplicationCredential,
  ProjectReference,
  RoleAssignment,
  TokenInfo,
  User,
} from '../backend.ts'
import { type Caller, includedRoles, type Project, projectIdFromUid, type Role, uidFromProjectId } from '../caller.ts'
import { ApplicationCredentials, CREDENTIALS_SECRET, CREDENTIALS_TYPE } from './application-credentials.ts'
import { listAssignments, rolesIn, USERS_GROUP } from './assignments.ts'
import { verifyPassword } from './passwords.ts'
import { REVOCATIONS_SECRET, REVOCATIONS_TYPE, Revocations } from './revocations.ts'
import { SecretMap } from './secret-map.ts'
import { type Claims, KEYS_SECRET, KEYS_TYPE, Tokens, type VerifiedClaims } from './tokens.ts'
import { USERS_SECRET, USERS_TYPE, Users } from './users.ts'

export interface EmbeddedOptions {
  kube: Kube
  state: State
  /** The namespace of the Secrets. */
  namespace: string
  tokenSeconds: number
  log: Log
}

const unauthorized = (): Fault => new Fault(401, 'The request you have made requires authentication.')

interface Proof {
  user: User
  credential?: ApplicationCredential
  /** A token that is exchanged for another one keeps its time of expiry. */
  expiresAt?: Date
}

export class EmbeddedIdentity implements IdentityBackend {
  readonly #state: State
  readonly #clock: Clock
  readonly #tokenSeconds: number
  readonly #secrets: readonly SecretMap[]
  readonly #users: Users
  readonly #tokens: Tokens
  readonly #revocations: Revocations
  readonly #credentials: ApplicationCredentials

  constructor({ kube, state, namespace, tokenSeconds, log }: EmbeddedOptions) {
    const secretMap = (name: string, type: string): SecretMap => new SecretMap({ kube, namespace, name, type, log })
    const users = secretMap(USERS_SECRET, USERS_TYPE)
    const keys = secretMap(KEYS_SECRET, KEYS_TYPE)
    const revocations = secretMap(REVOCATIONS_SECRET, REVOCATIONS_TYPE)
    const credentials = secretMap(CREDENTIALS_SECRET, CREDENTIALS_TYPE)
    this.#state = state
    this.#clock = kube.clock
    this.#tokenSeconds = tokenSeconds
    this.#secrets = [users, keys, revocations, credentials]
    this.#users = new Users(users)
    this.#tokens = new Tokens(keys)
    this.#revocations = new Revocations(revocations)
    this.#credentials = new ApplicationCredentials(credentials)
  }

  async start(signal: AbortSignal): Promise<void> {
    await Promise.all(this.#secrets.map((secret) => secret.start(signal)))
    await this.#tokens.ensureKey()
  }

  async authenticate(token: string): Promise<Caller | undefined> {
    return (await this.inspectToken(token))?.caller
  }

  async issueToken(credentials: Credentials): Promise<{ token: string; info: TokenInfo }> {
    const { user, credential, expiresAt: end } = await this.#prove(credentials)
    const project = credential?.project ?? this.#findProject(credentials.scope?.project)
    if (credentials.scope && !project) throw unauthorized()
    this.#checkRoles(user, project, credential?.roles)
    const issuedAt = this.#clock.wall()
    const expiresAt = end ?? new Date(issuedAt.getTime() + this.#tokenSeconds * 1000)
    const claims: Claims = {
      user: user.name,
      generation: this.#users.generationOf(user.name),
      methods: [...credentials.methods],
      ...(project && { project: uidFromProjectId(project.id) }),
      ...(credential && { credential: credential.id }),
    }
    const token = await this.#tokens.sign(claims, issuedAt, expiresAt)
    const info = await this.inspectToken(token)
    if (!info) throw unauthorized()
    return { token, info }
  }

  /** Throws a 401 if the user has no role in the project. */
  #checkRoles(user: User, project: Project | undefined, roles: readonly Role[] | undefined): void {
    if (project && this.#callerOf(user, project, roles).roles.size === 0) throw unauthorized()
  }

  async inspectToken(token: string): Promise<TokenInfo | undefined> {
    const claims = await this.#verify(token)
    const user = claims && this.#users.get(claims.user)
    if (!claims || !user) return undefined
    const credential = claims.credential === undefined ? undefined : this.#credentials.get(claims.credential)
    if (claims.credential !== undefined && !credential) return undefined
    const project = claims.project === undefined ? undefined : this.#projectByUid(claims.project)
    const caller = this.#callerOf(user, project, credential?.roles)
    if (claims.project !== undefined && caller.roles.size === 0) return undefined
    const { methods, id, issuedAt, expiresAt } = claims
    return { caller, methods, auditId: id, issuedAt, expiresAt }
  }

  async revokeToken(token: string): Promise<void> {
    const claims = await this.#verify(token)
    if (claims) await this.#revocations.add(claims.id, claims.expiresAt, this.#clock.wall())
  }

  users(): User[] {
    return this.#users.list()
  }

  projects(): Project[] {
    return this.#state.unchecked.namespaces.cache
      .list()
      .map(({ metadata }) => ({ id: projectIdFromUid(metadata.uid ?? ''), name: metadata.name }))
  }

  projectsOf({ name }: User): Project[] {
    return this.projects().filter((project) => rolesIn(this.#bindings, name, project.name).size > 0)
  }

  assignments(): RoleAssignment[] {
    return listAssignments(this.#bindings, this.users(), this.projects())
  }

  listApplicationCredentials(user: User): ApplicationCredential[] {
    return this.#credentials.list(user)
  }

  async createApplicationCredential(
    caller: Caller,
    draft: NewApplicationCredential,
  ): Promise<{ credential: ApplicationCredential; secret: string }> {
    if (!caller.project) throw new Fault(403, 'An application credential needs a token with a project.')
    return this.#credentials.create({ ...caller, project: caller.project }, draft)
  }

  deleteApplicationCredential(user: User, id: string): Promise<boolean> {
    return this.#credentials.delete(user, id)
  }

  async #verify(token: string): Promise<VerifiedClaims | undefined> {
    const claims = await this.#tokens.verify(token, this.#clock.wall())
    if (!claims || this.#revocations.has(claims.id)) return undefined
    return claims.generation === this.#users.generationOf(claims.user) ? claims : undefined
  }

  async #prove({ password, token, applicationCredential }: Credentials): Promise<Proof> {
    if (password) return this.#provePassword(password)
    if (applicationCredential) return this.#proveApplicationCredential(applicationCredential)
    const claims = token === undefined ? undefined : await this.#verify(token)
    const user = claims && this.#users.get(claims.user)
    // The token of an application credential is bound to one project, so it cannot be exchanged for another token.
    if (!user || claims.credential !== undefined) throw unauthorized()
    return { user, expiresAt: claims.expiresAt }
  }

  async #provePassword({ user: reference, password }: NonNullable<Credentials['password']>): Promise<Proof> {
    const user = this.#users.find(reference)
    const isValid = await verifyPassword(password, user && this.#users.hashOf(user.name))
    if (!user || !isValid) throw unauthorized()
    return { user }
  }

  async #proveApplicationCredential(given: NonNullable<Credentials['applicationCredential']>): Promise<Proof> {
    const credential = this.#findCredential(given)
    const user = credential && this.#users.get(credential.user.name)
    const isValid = await verifyPassword(given.secret, credential?.hash)
    const isExpired = credential?.expiresAt !== undefined && credential.expiresAt <= this.#clock.wall()
    if (!credential || !user || !isValid || isExpired) throw unauthorized()
    return { user, credential }
  }

  #findCredential({ id, name, user: reference }: NonNullable<Credentials['applicationCredential']>) {
    if (id !== undefined) return this.#credentials.get(id)
    const user = reference && this.#users.find(reference)
    return user && this.#credentials.list(user).find((credential) => credential.name === name)
  }

  #findProject(reference: ProjectReference | undefined): Project | undefined {
    if (reference?.id !== undefined) return this.#projectByUid(uidFromProjectId(reference.id))
    return this.projects().find(({ name }) => name === reference?.name)
  }

  #projectByUid(uid: string): Project | undefined {
    const [namespace] = this.#state.unchecked.namespaces.cache.byIndex(namespacesByUid, uid)
    return namespace && { id: projectIdFromUid(uid), name: namespace.metadata.name }
  }

  get #bindings() {
    const { roleBindings, clusterRoleBindings } = this.#state.unchecked
    return { roleBindings: roleBindings.cache, clusterRoleBindings: clusterRoleBindings.cache }
  }

  /** @param limit the roles of an application credential: the caller has no others */
  #callerOf(user: User, project: Project | undefined, limit?: readonly Role[]): Caller {
    const all = project ? rolesIn(this.#bindings, user.name, project.name) : new Set<Role>()
    const allowed = limit && includedRoles(limit)
    const roles = allowed ? new Set([...all].filter((role) => allowed.has(role))) : all
    const kubernetes = { user: user.name, groups: [USERS_GROUP] }
    return { user, ...(project ? { project } : {}), roles, kubernetes, ...(limit ? { isRestricted: true } : {}) }
  }
}
