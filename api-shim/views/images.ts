/** Renders Images as Glance's API v2 shows them. Pure. */
import type { Image } from '../../crds/index.ts'
import { isoSeconds } from '../http/time.ts'
import { displayNameOf } from '../state/names.ts'

export interface ImageViewContext {
  projectIdOf(image: Image): string
}

/** Whether servers can be made from the image. An Image that the controller refuses cannot be used. */
const isActive = ({ status }: Image): boolean =>
  !(status?.conditions ?? []).some(({ type, status: value }) => type === 'Ready' && value === 'False')

export function renderImage(image: Image, { projectIdOf }: ImageViewContext): object {
  const { metadata, spec } = image
  const id = metadata.uid ?? ''
  const created = isoSeconds(metadata.creationTimestamp ?? 0)
  const [algorithm, hash] = (spec.checksum ?? '').split(':')
  return {
    ...spec.properties,
    id,
    name: displayNameOf(image),
    status: isActive(image) ? 'active' : 'queued',
    visibility: spec.visibility,
    owner: projectIdOf(image),
    disk_format: spec.format,
    container_format: 'bare',
    min_disk: spec.minDisk,
    min_ram: spec.minRam,
    protected: false,
    os_hidden: false,
    tags: [],
    size: null,
    virtual_size: null,
    checksum: null,
    os_hash_algo: algorithm === '' ? null : algorithm,
    os_hash_value: hash ?? null,
    created_at: created,
    updated_at: created,
    self: `/v2/images/${id}`,
    file: `/v2/images/${id}/file`,
    schema: '/v2/schemas/image',
  }
}
