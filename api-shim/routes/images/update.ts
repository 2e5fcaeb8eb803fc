import type { Image } from '../../../crds/index.ts'
import { newForbidden, newNotFound } from '../../http/fault.ts'
import { isoSeconds } from '../../http/time.ts'
import { dataKeyOf } from '../../images/data-url.ts'
import { draftOfImage, type ImageDraft, patchFor } from '../../images/draft.ts'
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
  const now = request.services.clock.wall()
  if (!found.queued) {
    const changeImage = (image: Image): MergePatch => patchFor(image, changeActive(request, image, change), now)
    return { image: await patchNewest(images, found.image, changeImage, request) }
  }
  const draft = changeDraft(request, found.queued.draft, change)
  const queued = { ...found.queued, draft, updatedAt: isoSeconds(now) }
  await checkDraft(request, queued)
  await imageFilesOf(request).queued.save(queued)
  return { queued }
}

function changeDraft(request: Request, before: ImageDraft, change: DraftChange): ImageDraft {
  const draft = change(before)
  if (draft.visibility !== before.visibility) checkVisibility(request, draft)
  return draft
}

function changeActive(request: Request, image: Image, change: DraftChange): ImageDraft {
  const before = draftOfImage(image)
  const draft = changeDraft(request, before, change)
  for (const [attribute, isOther] of [
    ['container_format', draft.containerFormat !== before.containerFormat],
    ['disk_format', draft.diskFormat !== before.diskFormat],
  ] as const)
    if (isOther) throw newForbidden(`Attribute ${attribute} can be only replaced for a queued image.`)
  return draft
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
    const found = await findImage(request)
    checkOwner(request, found, 'modify_image')
    const allowed = checkOwnerChange(request, found, changes)
    const saved = await saveDraft(request, found, (draft) => allowed.reduce(applyChange, draft))
    return { body: await renderFound(request, saved) }
  },
})

/** Also deletes the bytes if the shim has them. */
export async function deleteImage(request: Request, id?: string): Promise<void> {
  const found = await findImage(request, id)
  checkOwner(request, found, 'delete_image')
  const imageId = found.image ? imageIdOf(found.image) : found.queued.id
  if (draftOf(found).isProtected) throw newForbidden(`Image ${imageId} is protected and cannot be deleted.`)
  if (!found.image) return imageFilesOf(request).queued.delete(imageId)
  await request.state.write(images).delete(found.image)
  const key = dataKeyOf(found.image.spec.url)
  if (key) await request.services.imageFiles?.bytes.remove(key)
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
  const found = await findImage(request)
  checkOwner(request, found, 'modify_image')
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
