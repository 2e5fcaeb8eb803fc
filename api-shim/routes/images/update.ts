import type { Image } from '../../../crds/index.ts'
import { newForbidden, newNotFound } from '../../http/fault.ts'
import { isoSeconds } from '../../http/time.ts'
import { dataKeyOf } from '../../images/data-url.ts'
import { draftOfImage, type ImageDraft, patchFor } from '../../images/draft.ts'
import type { QueuedImage } from '../../images/queued.ts'
import { type MergePatch, patchNewest } from '../../state/patch-newest.ts'
import { imageIdOf, images } from '../../state/stores.ts'
import { defineRouteOf, type RouteRequest } from '../route.ts'
import { checkOwner, type Found, findImage, imageFilesOf, renderFound } from './find.ts'
import { applyChange, type Change, parseChanges } from './json-patch.ts'
import { checkDraft, checkVisibility } from './publish.ts'

const defineImageRoute = defineRouteOf('image')
type Request = RouteRequest

export const draftOf = ({ image, queued }: Found): ImageDraft => (image ? draftOfImage(image) : queued.draft)

type DraftChange = (draft: ImageDraft) => ImageDraft

/** @param change returns the new draft for the newest one */
export async function saveDraft(request: Request, found: Found, change: DraftChange): Promise<Found> {
  if (found.image) {
    const now = request.services.clock.wall()
    const changeImage = (image: Image): MergePatch => patchFor(image, changeActive(request, image, change), now)
    return { image: await patchNewest(images, found.image, changeImage, request) }
  }
  const saved = await saveQueued(request, found.queued.id, change)
  if (saved) return { queued: saved }
  // An image that is no longer queued has been published or deleted, so look for it again.
  return saveDraft(request, await findForChange(request, 'modify_image'), change)
}

/** Throws a 403 if the image belongs to another project. */
async function findForChange(request: Request, action: string): Promise<Found> {
  const found = await findImage(request)
  checkOwner(request, found, action)
  return found
}

/** Undefined if the image is no longer queued. */
function saveQueued(request: Request, id: string, change: DraftChange): Promise<QueuedImage | undefined> {
  const { queued, bytes } = imageFilesOf(request)
  return queued.withLock(id, async (newest) => {
    if (!newest) return undefined
    const draft = changeDraft(request, newest.draft, change)
    if (await bytes.isReceiving(id)) checkSameFormats(newest.draft, draft)
    const changed = { ...newest, draft, updatedAt: isoSeconds(request.services.clock.wall()) }
    await checkDraft(request, changed)
    await queued.save(changed)
    return changed
  })
}

function changeDraft(request: Request, before: ImageDraft, change: DraftChange): ImageDraft {
  const draft = change(before)
  if (draft.visibility !== before.visibility) checkVisibility(request, draft)
  return draft
}

function changeActive(request: Request, image: Image, change: DraftChange): ImageDraft {
  const before = draftOfImage(image)
  const draft = changeDraft(request, before, change)
  checkSameFormats(before, draft)
  return draft
}

function checkSameFormats(before: ImageDraft, draft: ImageDraft): void {
  for (const [attribute, isOther] of [
    ['container_format', draft.containerFormat !== before.containerFormat],
    ['disk_format', draft.diskFormat !== before.diskFormat],
  ] as const)
    if (isOther) throw newForbidden(`Attribute ${attribute} can be only replaced for a queued image.`)
}

/** An image cannot change its project, because an object cannot change its namespace. */
function checkOwnerChange(request: Request, found: Found, changes: readonly Change[]): Change[] {
  const namespace = found.image ? (found.image.metadata.namespace ?? '') : found.queued.namespace
  const owner = request.state.shared.projectOf(namespace).id
  if (changes.some(({ name, value }) => name === 'owner' && value !== owner))
    throw newForbidden(
      request.can({ role: 'admin' })
        ? 'The owner of an image cannot change here.'
        : "Owner can't be updated by non admin.",
    )
  return changes.filter(({ name }) => name !== 'owner')
}

export const imagesUpdate = defineImageRoute({
  name: 'images:update',
  method: 'PATCH',
  path: '/images/{image_id}',
  success: 200,
  policy: { rule: 'modify_image', role: 'member' },
  async handle(request: Request) {
    const changes = parseChanges(String(request.headers['content-type'] ?? ''), request.body)
    const found = await findForChange(request, 'modify_image')
    const allowed = checkOwnerChange(request, found, changes)
    const saved = await saveDraft(request, found, (draft) => allowed.reduce(applyChange, draft))
    return { body: await renderFound(request, saved) }
  },
})

/** Also deletes the bytes if the shim has them. */
export async function deleteImage(request: Request): Promise<void> {
  const { image, queued } = await findForChange(request, 'delete_image')
  if (image) return deleteActive(request, image)
  // As in saveDraft, look again for an image that is no longer queued.
  if (!(await deleteQueued(request, queued.id))) await deleteImage(request)
}

function checkUnprotected({ isProtected }: ImageDraft, id: string): void {
  if (isProtected) throw newForbidden(`Image ${id} is protected and cannot be deleted.`)
}

async function deleteActive(request: Request, image: Image): Promise<void> {
  const id = imageIdOf(image)
  checkUnprotected(draftOfImage(image), id)
  const files = request.services.imageFiles
  // A shim that ended between the creation of the Image and the deletion of its record has left the record.
  if ((await files?.queued.get(id))?.namespace === image.metadata.namespace) await files?.queued.delete(id)
  await request.state.write(images).delete(image)
  const key = dataKeyOf(image.spec.url)
  if (key) await files?.bytes.remove(key)
}

/** false if the image is no longer queued. */
function deleteQueued(request: Request, id: string): Promise<boolean> {
  const { queued } = imageFilesOf(request)
  return queued.withLock(id, async (newest) => {
    if (!newest) return false
    checkUnprotected(newest.draft, id)
    await queued.delete(id)
    return true
  })
}

export const imagesDelete = defineImageRoute({
  name: 'images:delete',
  method: 'DELETE',
  path: '/images/{image_id}',
  success: 204,
  policy: { rule: 'delete_image', role: 'member' },
  async handle(request: Request) {
    await deleteImage(request)
    return {}
  },
})

const tagPath = '/images/{image_id}/tags/{tag}'

async function changeTags(request: Request, change: (tags: readonly string[]) => readonly string[]): Promise<void> {
  const found = await findForChange(request, 'modify_image')
  await saveDraft(request, found, (draft) => ({ ...draft, tags: change(draft.tags) }))
}

export const imageTagsAdd = defineImageRoute({
  name: 'images:add-tag',
  method: 'PUT',
  path: tagPath,
  success: 204,
  policy: { rule: 'modify_image', role: 'member' },
  async handle(request: Request) {
    const tag = request.params['tag'] ?? ''
    await changeTags(request, (tags) => [...new Set([...tags, tag])])
    return {}
  },
})

export const imageTagsDelete = defineImageRoute({
  name: 'images:delete-tag',
  method: 'DELETE',
  path: tagPath,
  success: 204,
  policy: { rule: 'modify_image', role: 'member' },
  async handle(request: Request) {
    const tag = request.params['tag'] ?? ''
    await changeTags(request, (tags) => {
      if (!tags.includes(tag)) throw newNotFound(`Unable to find tag '${tag}' on image ${request.params['image_id']}.`)
      return tags.filter((other) => other !== tag)
    })
    return {}
  },
})
