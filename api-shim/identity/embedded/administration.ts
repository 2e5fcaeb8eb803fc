import { newForbidden, newNotFound } from '../../http/fault.ts'
import type { State } from '../../state/state.ts'
import type {
  Administration,
  ProjectChange,
  ProjectDetails,
  ProjectDraft,
  RoleAssignment,
  User,
  UserChange,
  UserDetails,
  UserDraft,
} from '../backend.ts'
import type { Caller } from '../caller.ts'
import { Administrator } from './administrator.ts'
import type { ApplicationCredentials } from './application-credentials.ts'
import { type CreatedUsers, newNameConflict } from './created-users.ts'
import { removeFlavorAccess } from './flavor-access.ts'
import { type Grant, Grants } from './grants.ts'
import type { Projects } from './projects.ts'
import type { EmbeddedUser, Users } from './users.ts'

interface Parts {
  state: State
  projects: Projects
  users: Users
  createdUsers: CreatedUsers
  credentials: ApplicationCredentials
}

export class EmbeddedAdministration implements Administration {
  readonly #parts: Parts
  readonly #grants: Grants

  constructor(parts: Parts) {
    this.#parts = parts
    this.#grants = new Grants(parts.state)
  }

  createProject(caller: Caller, draft: ProjectDraft): Promise<ProjectDetails> {
    return this.#parts.projects.create(draft, this.#administrator(caller))
  }

  updateProject(caller: Caller, project: ProjectDetails, change: ProjectChange): Promise<ProjectDetails> {
    return this.#parts.projects.update(project, change, this.#administrator(caller))
  }

  /** The namespace goes last, so that a deletion that fails can be repeated. */
  async deleteProject(caller: Caller, project: ProjectDetails): Promise<void> {
    const { projects, credentials } = this.#parts
    const administrator = this.#administrator(caller)
    await projects.checkDeletion(project, administrator)
    await removeFlavorAccess(project, administrator)
    await credentials.deleteAll((credential) => credential.project.id === project.id)
    await this.#grants.deleteAdminsOf(project, administrator)
    await projects.delete(project, administrator)
  }

  async createUser(caller: Caller, draft: UserDraft): Promise<UserDetails> {
    const { users, createdUsers } = this.#parts
    if (users.get(draft.name)) throw newNameConflict(draft.name)
    return createdUsers.create(draft, this.#administrator(caller).kube)
  }

  async updateUser(caller: Caller, user: User, change: UserChange): Promise<UserDetails> {
    const { id } = this.#findCreated(user)
    return this.#parts.createdUsers.update(id, change, this.#administrator(caller).kube)
  }

  /** The user goes last, so that a deletion that fails can be repeated. */
  async deleteUser(caller: Caller, { id }: User): Promise<void> {
    const { createdUsers, credentials } = this.#parts
    const user = this.#findCreated({ id })
    const administrator = this.#administrator(caller)
    await this.#grants.deleteAllOfUser(user, administrator)
    await credentials.deleteAll((credential) => credential.user.id === id)
    await createdUsers.delete(id, administrator.kube)
  }

  grantRole(caller: Caller, grant: RoleAssignment): Promise<void> {
    return this.#grants.create(this.#resolve(grant), this.#administrator(caller))
  }

  revokeRole(caller: Caller, grant: RoleAssignment): Promise<void> {
    return this.#grants.delete(this.#resolve(grant), this.#administrator(caller))
  }

  #administrator(caller: Caller): Administrator {
    return new Administrator(this.#parts.state, caller)
  }

  #find({ id }: Pick<User, 'id'>): EmbeddedUser {
    const user = this.#parts.users.find({ id })
    if (!user) throw newNotFound(`Could not find user: ${id}.`)
    return user
  }

  #findCreated(reference: Pick<User, 'id'>): EmbeddedUser {
    const user = this.#find(reference)
    if (!user.isCreated)
      throw newForbidden(
        `The user ${user.name} stands in the Secret kubenova-users, which only an operator changes, with kubectl.`,
      )
    return user
  }

  #resolve({ user, project, role }: RoleAssignment): Grant {
    const found = this.#parts.projects.find({ id: project.id })
    if (!found) throw newNotFound(`Could not find project: ${project.id}.`)
    return { user: this.#find(user), project: found, role }
  }
}
