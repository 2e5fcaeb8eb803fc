import type { Image } from '../../crds/index.ts'
import { isoSeconds } from '../http/time.ts'
import { dataFactsOf, draftOfImage, type ImageDraft, updateTimeOf } from '../images/draft.ts'
import type { QueuedImage } from '../images/queued.ts'
import { imageIdOf } from '../state/stores.ts'

export interface ImageViewContext {
  projectIdOf(namespace: string): string
}

export type ImageStatus = 'queued' | 'saving' | 'active' | 'deactivated'

interface Facts {
  id: string
  owner: string
  status: ImageStatus
  createdAt: string
  updatedAt: string
  size: number | null
  md5: string | null
  /** `algorithm:hash` of the bytes. */
  checksum?: string | undefined
}

/** An Image that the controller finds unusable is not active, so that clients make no servers from it. */
export const statusOfImage = ({ status }: Image): ImageStatus =>
  (status?.conditions ?? []).some(({ type, status: value }) => type === 'Ready' && value === 'False')
    ? 'deactivated'
    : 'active'

export function renderImage(image: Image, { projectIdOf }: ImageViewContext): GlanceImage {
  const { metadata, spec } = image
  const data = dataFactsOf(image)
  return render(draftOfImage(image), {
    id: imageIdOf(image),
    owner: projectIdOf(metadata.namespace ?? ''),
    status: statusOfImage(image),
    createdAt: isoSeconds(metadata.creationTimestamp ?? 0),
    updatedAt: updateTimeOf(image),
    size: data?.size ?? null,
    md5: data?.md5 ?? null,
    checksum: spec.checksum,
  })
}

export function renderQueuedImage(
  { id, namespace, createdAt, updatedAt, draft }: QueuedImage,
  { projectIdOf }: ImageViewContext,
  isSaving: boolean,
): GlanceImage {
  const status = isSaving ? 'saving' : 'queued'
  return render(draft, { id, owner: projectIdOf(namespace), status, createdAt, updatedAt, size: null, md5: null })
}

export type GlanceImage = ReturnType<typeof render>

function render(draft: ImageDraft, { id, owner, status, createdAt, updatedAt, size, md5, checksum }: Facts) {
  const [algorithm = null, hash = null] = checksum?.split(':') ?? []
  return {
    ...(draft.properties as Readonly<Record<string, unknown>>),
    name: draft.name,
    disk_format: draft.diskFormat,
    container_format: draft.containerFormat,
    visibility: draft.visibility,
    size,
    virtual_size: null,
    status,
    checksum: md5,
    protected: draft.isProtected,
    min_ram: draft.minRam,
    min_disk: draft.minDisk,
    owner,
    os_hidden: draft.isHidden,
    os_hash_algo: algorithm,
    os_hash_value: hash,
    id,
    created_at: createdAt,
    updated_at: updatedAt,
    tags: [...draft.tags],
    self: `/v2/images/${id}`,
    file: `/v2/images/${id}/file`,
    schema: '/v2/schemas/image',
  }
}
