import type { Kube } from '../../../kube/client.ts'
import type { Clock } from '../../../kube/clock.ts'
import type { Log } from '../../../kube/log.ts'
import { newForbidden } from '../../http/fault.ts'
import type { State } from '../../state/state.ts'
import type {
  Administration,
  ApplicationCredential,
  Credentials,
  IdentityBackend,
  NewApplicationCredential,
  ProjectDetails,
  ProjectReference,
  RoleAssignment,
  TokenInfo,
  User,
  UserDetails,
} from '../backend.ts'
import { type Caller, includedRoles, type Project, projectIdFromUid, type Role, uidFromProjectId } from '../caller.ts'
import { EmbeddedAdministration } from './administration.ts'
import { ApplicationCredentials, CREDENTIALS_SECRET, CREDENTIALS_TYPE, isExpired } from './application-credentials.ts'
import { type Bindings, bindingsOf, listAssignments, rolesIn, USERS_GROUP } from './assignments.ts'
import { CREATED_USERS_SECRET, CREATED_USERS_TYPE, CreatedUsers } from './created-users.ts'
import { Projects } from './projects.ts'
import { newUnauthorized, Proofs } from './proofs.ts'
import { REVOCATIONS_SECRET, REVOCATIONS_TYPE, Revocations } from './revocations.ts'
import { SecretMap } from './secret-map.ts'
import { type Claims, KEYS_SECRET, KEYS_TYPE, Tokens, type VerifiedClaims } from './tokens.ts'
import { type EmbeddedUser, USERS_SECRET, USERS_TYPE, Users } from './users.ts'

export interface EmbeddedOptions {
  kube: Kube
  state: State
  /** The namespace of the Secrets. */
  namespace: string
  tokenSeconds: number
  log: Log
}

interface Proof {
  user: EmbeddedUser
  credential?: ApplicationCredential
  /** The new token lives no longer than the token or application credential that it is issued for. */
  expiresAt?: Date | undefined
}

interface VerifiedToken {
  claims: VerifiedClaims
  user: EmbeddedUser
}

export class EmbeddedIdentity implements IdentityBackend {
  readonly #bindings: Bindings
  readonly #clock: Clock
  readonly #tokenSeconds: number
  readonly #secrets: readonly SecretMap[]
  readonly #projects: Projects
  readonly #createdUsers: CreatedUsers
  readonly #users: Users
  readonly #tokens: Tokens
  readonly #revocations: Revocations
  readonly #credentials: ApplicationCredentials
  readonly #proofs: Proofs
  readonly administration: Administration

  constructor({ kube, state, namespace, tokenSeconds, log }: EmbeddedOptions) {
    const secretMap = (name: string, type: string): SecretMap => new SecretMap({ kube, namespace, name, type, log })
    const users = secretMap(USERS_SECRET, USERS_TYPE)
    const createdUsers = secretMap(CREATED_USERS_SECRET, CREATED_USERS_TYPE)
    const keys = secretMap(KEYS_SECRET, KEYS_TYPE)
    const revocations = secretMap(REVOCATIONS_SECRET, REVOCATIONS_TYPE)
    const credentials = secretMap(CREDENTIALS_SECRET, CREDENTIALS_TYPE)
    this.#bindings = bindingsOf(state)
    this.#clock = kube.clock
    this.#tokenSeconds = tokenSeconds
    this.#secrets = [users, createdUsers, keys, revocations, credentials]
    this.#projects = new Projects(state)
    this.#createdUsers = new CreatedUsers(createdUsers)
    this.#users = new Users(users, this.#createdUsers)
    this.#tokens = new Tokens(keys)
    this.#revocations = new Revocations(revocations)
    this.#credentials = new ApplicationCredentials(credentials)
    this.#proofs = new Proofs(this.#users, this.#credentials, kube.clock)
    this.administration = new EmbeddedAdministration({
      state,
      projects: this.#projects,
      users: this.#users,
      createdUsers: this.#createdUsers,
      credentials: this.#credentials,
    })
  }

  async start(signal: AbortSignal): Promise<void> {
    await Promise.all(this.#secrets.map((secret) => secret.start(signal)))
    await this.#tokens.ensureKey()
  }

  async authenticate(token: string): Promise<Caller | undefined> {
    return (await this.inspectToken(token))?.caller
  }

  async issueToken(credentials: Credentials): Promise<{ token: string; info: TokenInfo }> {
    const { user, credential, expiresAt: limit } = await this.#prove(credentials)
    const project = this.#findProject(credential?.project ?? credentials.scope?.project)
    if ((credential || credentials.scope) && !project) throw newUnauthorized()
    this.#checkRoles(user, project, credential?.roles)
    const issuedAt = this.#clock.wall()
    const expiresAt = earlierOf(new Date(issuedAt.getTime() + this.#tokenSeconds * 1000), limit)
    const claims: Claims = {
      ...this.#claimsOf(user),
      methods: [...credentials.methods],
      ...(project && { project: uidFromProjectId(project.id) }),
      ...(credential && { credential: credential.id }),
    }
    const token = await this.#tokens.sign(claims, issuedAt, expiresAt)
    const info = await this.inspectToken(token)
    if (!info) throw newUnauthorized()
    return { token, info }
  }

  #claimsOf({ id, name }: User): Pick<Claims, 'user' | 'generation' | 'revision'> {
    const revision = this.#revocations.revisionOf(id)
    return { user: name, generation: this.#users.generationOf(name), ...(revision === undefined ? {} : { revision }) }
  }

  /** Throws a 401 if the user has no role in the project. */
  #checkRoles(user: EmbeddedUser, project: Project | undefined, roles: readonly Role[] | undefined): void {
    if (project && this.#callerOf(user, project, roles).roles.size === 0) throw newUnauthorized()
  }

  async inspectToken(token: string): Promise<TokenInfo | undefined> {
    const verified = await this.#verify(token)
    const caller = verified && this.#callerOfToken(verified)
    if (!caller) return undefined
    const { methods, id, issuedAt, expiresAt } = verified.claims
    return { caller, methods, auditId: id, issuedAt, expiresAt }
  }

  /**
   * Undefined if the token's project is gone, if its application credential is gone or has expired, or if the user has
   * no role in the project.
   */
  #callerOfToken({ user, claims: { project: uid, credential: id } }: VerifiedToken): Caller | undefined {
    const credential = id === undefined ? undefined : this.#credentials.get(id)
    const project = uid === undefined ? undefined : this.#findProject({ id: projectIdFromUid(uid) })
    if ((id !== undefined && !credential) || (uid !== undefined && !project)) return undefined
    if (credential && isExpired(credential, this.#clock.wall())) return undefined
    const caller = this.#callerOf(user, project, credential?.roles)
    return project && caller.roles.size === 0 ? undefined : caller
  }

  async revokeToken(token: string): Promise<void> {
    const verified = await this.#verify(token)
    if (!verified) return
    const { claims, user } = verified
    await this.#revocations.add({ ...claims, userId: user.id }, this.#clock.wall(), this.#tokenSeconds)
  }

  users(): UserDetails[] {
    return this.#users.list()
  }

  projects(): ProjectDetails[] {
    return this.#projects.list()
  }

  projectsOf({ id }: User): ProjectDetails[] {
    const user = this.#users.find({ id })
    const isIn = (project: ProjectDetails): boolean =>
      user !== undefined && project.isEnabled && rolesIn(this.#bindings, user.kubernetesName, project).size > 0
    return this.projects().filter(isIn)
  }

  assignments(): RoleAssignment[] {
    return listAssignments(this.#bindings, this.#users.list(), this.projects())
  }

  async changePassword({ id }: User, original: string, password: string): Promise<void> {
    const user = await this.#proofs.provePassword({ user: { id }, password: original })
    if (!user.isCreated)
      throw newForbidden(
        `The password of ${user.name} stands in the Secret kubenova-users: ask an operator to change it.`,
      )
    await this.#createdUsers.update(id, { password })
  }

  listApplicationCredentials(user: User): ApplicationCredential[] {
    return this.#credentials.list(user)
  }

  async createApplicationCredential(
    caller: Caller,
    draft: NewApplicationCredential,
  ): Promise<{ credential: ApplicationCredential; secret: string }> {
    if (!caller.project) throw newForbidden('An application credential needs a token with a project.')
    return this.#credentials.create({ ...caller, project: caller.project }, draft)
  }

  deleteApplicationCredential(user: User, id: string): Promise<boolean> {
    return this.#credentials.delete(user, id)
  }

  async #verify(token: string): Promise<VerifiedToken | undefined> {
    const claims = await this.#tokens.verify(token, this.#clock.wall())
    const user = claims && this.#users.getEnabled(claims.user)
    if (!user || this.#revocations.has({ ...claims, userId: user.id })) return undefined
    return claims.generation === this.#users.generationOf(user.name) ? { claims, user } : undefined
  }

  async #prove({ password, token, applicationCredential }: Credentials): Promise<Proof> {
    if (password) return { user: await this.#proofs.provePassword(password) }
    if (applicationCredential) {
      const { user, credential } = await this.#proofs.proveApplicationCredential(applicationCredential)
      return { user, credential, expiresAt: credential.expiresAt }
    }
    const verified = token === undefined ? undefined : await this.#verify(token)
    // The token of an application credential is bound to one project, so it cannot be exchanged for another token.
    if (!verified || verified.claims.credential !== undefined) throw newUnauthorized()
    return { user: verified.user, expiresAt: verified.claims.expiresAt }
  }

  #findProject(reference: ProjectReference | undefined): Project | undefined {
    const project = reference && this.#projects.find(reference)
    return project?.isEnabled === true ? project : undefined
  }

  /** @param limit the roles of an application credential: the caller has no others */
  #callerOf(user: EmbeddedUser, project: Project | undefined, limit?: readonly Role[]): Caller {
    const { id, name, kubernetesName } = user
    const all = project ? rolesIn(this.#bindings, kubernetesName, project) : new Set<Role>()
    const allowed = limit && includedRoles(limit)
    const roles = allowed ? new Set([...all].filter((role) => allowed.has(role))) : all
    const kubernetes = { user: kubernetesName, groups: [USERS_GROUP] }
    const shared = { user: { id, name }, roles, kubernetes }
    return { ...shared, ...(project ? { project } : {}), ...(limit ? { isRestricted: true } : {}) }
  }
}

const earlierOf = (time: Date, other = time): Date => (other < time ? other : time)
