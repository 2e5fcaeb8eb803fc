import type { Link, Links } from '../http/links.ts'
import { isAttribute } from '../routes/images/attributes.ts'
import { pythonStr } from '../validation/python.ts'
import type { GlanceImage, ImageStatus } from './images.ts'

/** Nova's word for the status of an image, and the progress in per cent. */
const progressOf: Readonly<Record<ImageStatus, { status: string; progress: number }>> = {
  queued: { status: 'SAVING', progress: 25 },
  saving: { status: 'SAVING', progress: 50 },
  active: { status: 'ACTIVE', progress: 100 },
  deactivated: { status: 'UNKNOWN', progress: 0 },
}

const linksOf = (id: string, links: Links): (Link & { type?: string })[] => [
  ...links.pair('images', id),
  { rel: 'alternate', type: 'application/vnd.openstack.image', href: `${links.address}/image/images/${id}` },
]

export const renderComputeImageName = ({ id, name }: GlanceImage, links: Links): object => ({
  id,
  name,
  links: linksOf(id, links),
})

const pairOf = (links: Links, id: string): object => ({ id, links: links.pair('servers', id) })

export function renderComputeImage(image: GlanceImage, links: Links): object {
  const { id, name, min_ram: minRam, min_disk: minDisk, created_at: created, updated_at: updated, size } = image
  const metadata: Record<string, unknown> = Object.fromEntries(
    Object.entries(image).filter(([key]) => !isAttribute(key)),
  )
  const { instance_uuid: server, auto_disk_config: diskConfig } = metadata
  return {
    id,
    name,
    minRam,
    minDisk,
    metadata,
    created,
    updated,
    ...progressOf[image.status],
    // As in Nova, an unknown size is 0.
    'OS-EXT-IMG-SIZE:size': size ?? 0,
    links: linksOf(id, links),
    ...(server === undefined ? {} : { server: pairOf(links, pythonStr(server)) }),
    ...(diskConfig === undefined
      ? {}
      : { 'OS-DCF:diskConfig': /^(1|t|true|on|y|yes)$/i.test(pythonStr(diskConfig)) ? 'AUTO' : 'MANUAL' }),
  }
}
