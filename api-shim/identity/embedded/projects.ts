import type { Namespace } from '../../../kube/builtin-kinds.ts'
import { isAlreadyExists } from '../../../kube/errors.ts'
import { Fault, newBadRequest, newConflict, newForbidden, newNotFound } from '../../http/fault.ts'
import { rethrowAsFault } from '../../state/errors.ts'
import { type MergePatch, patchNewest } from '../../state/patch-newest.ts'
import type { State } from '../../state/state.ts'
import { namespacesByUid, servers, storeDefs } from '../../state/stores.ts'
import type { ProjectChange, ProjectDetails, ProjectDraft, ProjectReference } from '../backend.ts'
import { uidFromProjectId } from '../caller.ts'
import { annotationsFor, isReservedNamespace, namespaceFor, projectDetailsFrom } from '../projects.ts'
import type { Administrator } from './administrator.ts'

/** The namespaces of the cluster as projects, without those that are being deleted. */
export class Projects {
  readonly #state: State

  constructor(state: State) {
    this.#state = state
  }

  list(): ProjectDetails[] {
    return this.#namespaces
      .list()
      .filter(({ metadata }) => metadata.deletionTimestamp === undefined)
      .map(projectDetailsFrom)
  }

  find({ id, name }: ProjectReference): ProjectDetails | undefined {
    return id === undefined ? this.#findByName(name) : this.#findById(id)
  }

  #findById(id: string): ProjectDetails | undefined {
    const [namespace] = this.#namespaces.byIndex(namespacesByUid, uidFromProjectId(id))
    return namespace && namespace.metadata.deletionTimestamp === undefined ? projectDetailsFrom(namespace) : undefined
  }

  /** A name that a client has chosen never hides a namespace that has it. */
  #findByName(name: string | undefined): ProjectDetails | undefined {
    const found = this.list().filter((project) => project.name === name)
    return found.find(({ namespace }) => namespace === name) ?? found[0]
  }

  get #namespaces() {
    return this.#state.unchecked.namespaces.cache
  }

  async create(draft: ProjectDraft, administrator: Administrator): Promise<ProjectDetails> {
    const namespace = namespaceFor(draft)
    const { name } = namespace.metadata
    if (isReservedNamespace(name))
      throw newBadRequest(`The name ${draft.name} is reserved for namespaces of the cluster: choose another one.`)
    const existing = this.find({ name: draft.name })
    if (existing) throw newNameConflict(existing)
    try {
      return projectDetailsFrom(await administrator.write(storeDefs.namespaces).create(namespace))
    } catch (error) {
      if (error instanceof Fault && isAlreadyExists(error.cause)) throw this.#nameConflictFor(name, draft)
      throw error
    }
  }

  #nameConflictFor(namespace: string, { name }: ProjectDraft): Fault {
    const isEnding = this.#namespaces.get(namespace)?.metadata.deletionTimestamp !== undefined
    return isEnding
      ? newConflict(`The namespace of the deleted project ${name} is not gone yet: try again in a minute.`)
      : newNameConflict({ name, id: this.#state.projectOf(namespace).id })
  }

  async update(project: ProjectDetails, change: ProjectChange, administrator: Administrator): Promise<ProjectDetails> {
    checkManaged(project)
    const uid = uidFromProjectId(project.id)
    const [namespace] = this.#namespaces.byIndex(namespacesByUid, uid)
    if (!namespace) throw newNotFound(`Could not find project: ${project.id}.`)
    const patchFor = (newest: Namespace): MergePatch => ({
      metadata: { uid, annotations: annotationsFor(change, projectDetailsFrom(newest).extra) },
    })
    return projectDetailsFrom(await patchNewest(storeDefs.namespaces, namespace, patchFor, administrator))
  }

  /** The namespace is deleted with all that it has, so a project with servers is refused. */
  async checkDeletion(project: ProjectDetails, administrator: Administrator): Promise<void> {
    checkManaged(project)
    await administrator.checkDeletion(storeDefs.namespaces)
    await this.#checkHasNoServers(project)
  }

  async delete(project: ProjectDetails, administrator: Administrator): Promise<void> {
    await this.checkDeletion(project, administrator)
    const metadata = { name: project.namespace, uid: uidFromProjectId(project.id) }
    await administrator.write(storeDefs.namespaces).delete({ metadata })
  }

  /** Asks the API server, because the cache may lack a new server. */
  async #checkHasNoServers({ name, namespace }: ProjectDetails): Promise<void> {
    const { items } = await rethrowAsFault(this.#state.storeOf(servers).api.list({ namespace }))
    const count = items.filter(({ metadata }) => metadata.deletionTimestamp === undefined).length
    if (count === 0) return
    throw newConflict(
      `The project ${name} still has servers (${count}), whose disks would be deleted with it: delete the servers first.`,
    )
  }
}

const newNameConflict = ({ name, id }: { name: string; id: string }): Fault =>
  newConflict(
    `Conflict occurred attempting to store project - it is not permitted to have two projects with either the same name or same id in the same domain: name is ${name}, project id ${id}.`,
  )

function checkManaged({ name, isManaged }: ProjectDetails): void {
  if (isManaged) return
  throw newForbidden(
    `The project ${name} is a namespace that was not made through this API: change or delete it with kubectl.`,
  )
}
