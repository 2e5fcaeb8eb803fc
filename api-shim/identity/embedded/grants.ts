import type { ClusterRoleBinding, RoleBinding } from '../../../kube/builtin-kinds.ts'
import { isAlreadyExists } from '../../../kube/errors.ts'
import { Fault, newForbidden, newNotFound } from '../../http/fault.ts'
import { ignoreGone } from '../../state/errors.ts'
import { suffixFrom } from '../../state/names.ts'
import type { State } from '../../state/state.ts'
import { storeDefs } from '../../state/stores.ts'
import type { Project, Role } from '../caller.ts'
import { isManaged, managedLabels } from '../managed.ts'
import type { Administrator } from './administrator.ts'
import {
  type Bindings,
  bindingsOf,
  clusterRoleOf,
  countsIn,
  PROJECT_ID,
  projectIdOf,
  roleInNamespaceOf,
  roleOf,
} from './assignments.ts'
import type { EmbeddedUser } from './users.ts'

export interface Grant {
  user: EmbeddedUser
  project: Project & { isManaged: boolean }
  role: Role
}

interface FoundBindings {
  roleBindings: RoleBinding[]
  clusterRoleBindings: ClusterRoleBinding[]
}

/** Roles of users as bindings. An admin gets a ClusterRoleBinding, because Nova's administrators see all projects. */
export class Grants {
  readonly #bindings: Bindings

  constructor(state: State) {
    this.#bindings = bindingsOf(state)
  }

  async create(grant: Grant, administrator: Administrator): Promise<void> {
    checkGrant(grant)
    const binding = bindingFor(grant)
    const { project, role } = grant
    try {
      if (role === 'admin') await administrator.write(storeDefs.clusterRoleBindings).create(binding)
      else await administrator.write(storeDefs.roleBindings).create(inNamespace(binding, project.namespace))
    } catch (error) {
      if (!(error instanceof Fault) || !isAlreadyExists(error.cause)) throw error
    }
  }

  async delete(grant: Grant, administrator: Administrator): Promise<void> {
    const { role, user, project } = grant
    const given = this.#find(user, (found) => found === role, project)
    const managed = onlyManaged(given)
    const count = managed.roleBindings.length + managed.clusterRoleBindings.length
    if (count === 0 && given.roleBindings.length + given.clusterRoleBindings.length > 0)
      throw newForbidden(
        `A role binding that was not made through this API gives ${user.name} the role ${role}: delete it with kubectl.`,
      )
    if (count === 0)
      throw newNotFound(
        `Could not find role assignment with role: ${role}, user or group: ${user.id}, project, domain, or system: ${project.id}.`,
      )
    await deleteBindings(managed, administrator)
  }

  /** Bindings that were not made through this API stay. */
  async deleteAllOfUser(user: EmbeddedUser, administrator: Administrator): Promise<void> {
    await deleteBindings(onlyManaged(this.#find(user, () => true)), administrator)
  }

  /** The namespace's own bindings go with it; those of administrators are in no namespace. */
  async deleteAdminsOf({ id }: Project, administrator: Administrator): Promise<void> {
    const clusterRoleBindings = this.#bindings.clusterRoleBindings
      .list()
      .filter((binding) => isManaged(binding) && projectIdOf(binding) === id)
    await deleteBindings({ roleBindings: [], clusterRoleBindings }, administrator)
  }

  /** The bindings that name the user, in the project or everywhere. */
  #find(user: EmbeddedUser, isWanted: (role: Role | undefined) => boolean, project?: Project): FoundBindings {
    const names = ({ subjects = [] }: RoleBinding): boolean =>
      subjects.some(({ kind, name }) => kind === 'User' && name === user.kubernetesName)
    const { roleBindings, clusterRoleBindings } = this.#bindings
    return {
      roleBindings: roleBindings
        .list(project?.namespace)
        .filter((binding) => names(binding) && isWanted(roleInNamespaceOf(binding))),
      clusterRoleBindings: clusterRoleBindings
        .list()
        .filter((binding) => names(binding) && isWanted(roleOf(binding)) && countsIn(project, binding)),
    }
  }
}

const onlyManaged = ({ roleBindings, clusterRoleBindings }: FoundBindings): FoundBindings => ({
  roleBindings: roleBindings.filter(isManaged),
  clusterRoleBindings: clusterRoleBindings.filter(isManaged),
})

async function deleteBindings(
  { roleBindings, clusterRoleBindings }: FoundBindings,
  administrator: Administrator,
): Promise<void> {
  const inNamespaces = administrator.write(storeDefs.roleBindings)
  for (const binding of roleBindings) await ignoreGone(inNamespaces.delete(binding))
  const inCluster = administrator.write(storeDefs.clusterRoleBindings)
  for (const binding of clusterRoleBindings) await ignoreGone(inCluster.delete(binding))
}

/** Throws the reason that the admission policy would have, in Keystone's words. */
function checkGrant({ user, project, role }: Grant): void {
  if (!project.isManaged)
    throw newForbidden(
      `The project ${project.name} is a namespace that was not made through this API: bind roles there with kubectl.`,
    )
  if (role === 'admin' && !user.isCreated)
    throw newForbidden(
      `The user ${user.name} stands in the Secret kubenova-users: make it an administrator with kubectl.`,
    )
}

function bindingFor({ user, project, role }: Grant): ClusterRoleBinding {
  const { kubernetesName } = user
  const annotations = role === 'admin' ? { [PROJECT_ID]: project.id } : {}
  return {
    metadata: {
      name: `${clusterRoleOf(role)}-${suffixFrom(`${kubernetesName} ${project.id}`)}`,
      labels: { ...managedLabels },
      annotations,
    },
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: clusterRoleOf(role) },
    subjects: [{ apiGroup: 'rbac.authorization.k8s.io', kind: 'User', name: kubernetesName }],
  }
}

const inNamespace = (binding: ClusterRoleBinding, namespace: string): RoleBinding => ({
  ...binding,
  metadata: { ...binding.metadata, namespace },
})
