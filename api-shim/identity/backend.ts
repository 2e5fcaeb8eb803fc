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
  project: Project
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

export interface IdentityBackend extends Authenticator {
  /** Throws a 401 if the credentials are wrong, or if the user has no role in the project. */
  issueToken(credentials: Credentials): Promise<{ token: string; info: TokenInfo }>
  /** Undefined if the token is not valid. */
  inspectToken(token: string): Promise<TokenInfo | undefined>
  /** All replicas refuse the token from then on. */
  revokeToken(token: string): Promise<void>
  users(): User[]
  projects(): Project[]
  projectsOf(user: User): Project[]
  assignments(): RoleAssignment[]
  listApplicationCredentials(user: User): ApplicationCredential[]
  /** Also returns the secret, which cannot be read again. */
  createApplicationCredential(
    caller: Caller,
    draft: NewApplicationCredential,
  ): Promise<{ credential: ApplicationCredential; secret: string }>
  deleteApplicationCredential(user: User, id: string): Promise<boolean>
}
