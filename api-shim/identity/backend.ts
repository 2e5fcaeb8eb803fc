/**
 * The functions of a back end that the routes of the identity API use. The embedded one keeps users in a Secret,
 * projects as namespaces and roles as RBAC bindings. An external Keystone would be another one.
 */
import type { Authenticator } from '../services.ts'
import type { Caller, Project, Role } from './caller.ts'

export interface User {
  id: string
  name: string
}

/** Further properties that a client has given, such as `email`. */
export type ExtraProperties = Readonly<Record<string, unknown>>

export interface UserDetails extends User {
  isEnabled: boolean
  defaultProjectId?: string
  extra: ExtraProperties
}

export interface ProjectDetails extends Project {
  description: string
  isEnabled: boolean
  tags: readonly string[]
  extra: ExtraProperties
  /** Whether the project can be changed and deleted through the identity API. */
  isManaged: boolean
}

/** Proves who the user is, and says what the token shall be valid for. */
export interface Credentials {
  methods: readonly string[]
  password?: { user: UserReference; password: string }
  token?: string
  applicationCredential?: { id?: string; name?: string; user?: UserReference; secret: string }
  scope?: { project: ProjectReference }
}

export interface UserReference {
  id?: string
  name?: string
}
export type ProjectReference = UserReference

/** The content of a token. */
export interface TokenInfo {
  caller: Caller
  methods: readonly string[]
  auditId: string
  issuedAt: Date
  expiresAt: Date
}

export interface RoleAssignment {
  user: User
  project: Project
  role: Role
}

export interface ApplicationCredential {
  id: string
  name: string
  description: string
  user: User
  project: Pick<Project, 'id' | 'name'>
  roles: readonly Role[]
  expiresAt?: Date
}

export interface NewApplicationCredential {
  name: string
  description: string
  secret?: string
  roles?: readonly Role[]
  expiresAt?: Date
}

export interface ProjectChange {
  /** An empty text removes the description. */
  description?: string
  isEnabled?: boolean
  tags?: readonly string[]
  /** Replaces those with the same names; the others stay. */
  extra?: ExtraProperties
}
export interface ProjectDraft extends ProjectChange {
  name: string
}

/** null removes the property. */
export interface UserChange {
  password?: string | null
  isEnabled?: boolean
  defaultProjectId?: string | null
  /** Replaces those with the same names; the others stay. */
  extra?: ExtraProperties
}
export interface UserDraft extends UserChange {
  name: string
}

/** The changes that an administrator makes. All throw a 403 for other callers. */
export interface Administration {
  createProject(caller: Caller, draft: ProjectDraft): Promise<ProjectDetails>
  updateProject(caller: Caller, project: ProjectDetails, change: ProjectChange): Promise<ProjectDetails>
  /** Throws a 409 if the project has servers. */
  deleteProject(caller: Caller, project: ProjectDetails): Promise<void>
  createUser(caller: Caller, draft: UserDraft): Promise<UserDetails>
  updateUser(caller: Caller, user: User, change: UserChange): Promise<UserDetails>
  /** Also revokes the user's roles, tokens and application credentials. */
  deleteUser(caller: Caller, user: User): Promise<void>
  /** Does nothing if the user has the role. */
  grantRole(caller: Caller, grant: RoleAssignment): Promise<void>
  /** Throws a 404 if the user has not been given the role. */
  revokeRole(caller: Caller, grant: RoleAssignment): Promise<void>
}

export interface IdentityBackend extends Authenticator {
  readonly administration: Administration

  /** Throws a 401 if the credentials are wrong, or if the user has no role in the project. */
  issueToken(credentials: Credentials): Promise<{ token: string; info: TokenInfo }>
  /** Undefined if the token is not valid. */
  inspectToken(token: string): Promise<TokenInfo | undefined>
  /** All replicas refuse the token from then on. */
  revokeToken(token: string): Promise<void>
  users(): UserDetails[]
  projects(): ProjectDetails[]
  /** The enabled projects in which the user has a role. */
  projectsOf(user: User): ProjectDetails[]
  assignments(): RoleAssignment[]
  /** A user's change of the own password. Throws a 401 if the original password is wrong. */
  changePassword(user: User, original: string, password: string): Promise<void>
  listApplicationCredentials(user: User): ApplicationCredential[]
  /** Also returns the secret, which cannot be read again. */
  createApplicationCredential(
    caller: Caller,
    draft: NewApplicationCredential,
  ): Promise<{ credential: ApplicationCredential; secret: string }>
  deleteApplicationCredential(user: User, id: string): Promise<boolean>
}
