import { randomUUID } from 'node:crypto'
import { newConflict, newForbidden } from '../../http/fault.ts'
import { isoSeconds } from '../../http/time.ts'
import { isAdmin, uidFromProjectId } from '../../identity/caller.ts'
import type { QueuedImage } from '../../images/queued.ts'
import { images, imagesById, namespacesByUid } from '../../state/stores.ts'
import { defineRouteOf, type RouteRequest } from '../route.ts'
import {
  checkAttributes,
  checkNotReserved,
  checkPropertyCount,
  isAttribute,
  isReadOnly,
  newDraft,
  withValue,
} from './attributes.ts'
import { imageFilesOf, renderFound } from './find.ts'
import { checkDraft, IMPORT_METHODS } from './publish.ts'

const defineImageRoute = defineRouteOf('image')
type Request = RouteRequest

function checkNames(names: readonly string[]): void {
  for (const name of names) {
    if (isAttribute(name) && isReadOnly(name) && name !== 'id') throw newForbidden(`Attribute '${name}' is read-only.`)
    checkNotReserved(name)
  }
}

/** Only administrators may create images for another project. */
function namespaceOf({ state, caller }: Request, owner: unknown): string {
  const own = caller.project?.id
  if (typeof owner !== 'string' || owner === own) return state.namespace
  const [namespace] = state.shared.unchecked.namespaces.cache.byIndex(namespacesByUid, uidFromProjectId(owner))
  if (!isAdmin(caller) || !namespace) throw newForbidden(`You are not permitted to create images owned by '${owner}'.`)
  return namespace.metadata.name
}

async function checkIdIsFree({ state, services }: Request, id: string): Promise<void> {
  const { cache } = state.shared.storeOf(images)
  if (cache.byIndex(imagesById, id).length > 0 || (await services.imageFiles?.queued.get(id)))
    throw newConflict(`Image ID ${id} already exists!`)
}

export const imagesCreate = defineImageRoute({
  name: 'images:create',
  method: 'POST',
  path: '/images',
  success: 201,
  policy: { rule: 'add_image', role: 'member' },
  async handle(request: Request) {
    const files = imageFilesOf(request)
    const { body } = request
    checkAttributes(body)
    checkNames(Object.keys(body))
    const { id: wanted, owner, ...values } = body
    const id = typeof wanted === 'string' ? wanted.toLowerCase() : randomUUID()
    await checkIdIsFree(request, id)
    checkPropertyCount(Object.keys(values).filter((name) => !isAttribute(name)).length)
    const draft = Object.entries(values).reduce((before, [name, value]) => withValue(before, name, value), newDraft)
    const now = isoSeconds(request.services.clock.wall())
    const namespace = namespaceOf(request, owner)
    const projectId = request.state.shared.projectOf(namespace).id
    const queued: QueuedImage = { id, namespace, projectId, createdAt: now, updatedAt: now, draft }
    await checkDraft(request, queued)
    await files.queued.add(queued)
    return {
      body: await renderFound(request, { queued }),
      headers: { location: `/v2/images/${id}`, 'openstack-image-import-methods': IMPORT_METHODS.join(',') },
    }
  },
})
