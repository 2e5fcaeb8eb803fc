/**
 * The attributes of an image that its owner chooses. Those that only Glance's API has are annotations of the Image, so
 * that no other program needs to know them. Pure.
 */
import type { Image } from '../../crds/index.ts'
import { isoSeconds } from '../http/time.ts'
import { DISPLAY_NAME, displayNameOf } from '../state/names.ts'
import type { MergePatch } from '../state/patch-newest.ts'

export type DiskFormat = Image['spec']['format']

export interface ImageDraft {
  name: string | null
  /** `shared` is Glance's default. Only the owner sees such an image, because it has no members. */
  visibility: 'public' | 'private' | 'shared'
  isProtected: boolean
  isHidden: boolean
  minDisk: number
  minRam: number
  tags: readonly string[]
  /**
   * The client may choose both formats after the image is created, but must choose them before the upload; null until
   * then.
   */
  diskFormat: DiskFormat | null
  containerFormat: 'bare' | null
  properties: Readonly<Record<string, string>>
}

export interface DataFacts {
  size: number
  md5: string
}

const PREFIX = 'compute.kubenova.io/'
const annotationOf = {
  size: `${PREFIX}image-size`,
  md5: `${PREFIX}image-md5`,
  tags: `${PREFIX}image-tags`,
  protected: `${PREFIX}image-protected`,
  hidden: `${PREFIX}image-hidden`,
  shared: `${PREFIX}image-shared`,
  updatedAt: `${PREFIX}image-updated-at`,
} as const

type Fact = keyof typeof annotationOf
const factOf = ({ metadata }: Image, fact: Fact): string | undefined => metadata.annotations?.[annotationOf[fact]]

/** The annotation is a JSON list. If a user has written anything else there, the image has no tags. */
function parseTags(text: string | undefined): string[] {
  try {
    const value: unknown = JSON.parse(text ?? '[]')
    return Array.isArray(value) ? value.filter((tag) => typeof tag === 'string') : []
  } catch {
    return []
  }
}

const visibilityOf = (image: Image): ImageDraft['visibility'] =>
  image.spec.visibility === 'private' && factOf(image, 'shared') === 'true' ? 'shared' : image.spec.visibility

export function draftOfImage(image: Image): ImageDraft {
  const { spec } = image
  return {
    name: displayNameOf(image) || null,
    visibility: visibilityOf(image),
    isProtected: factOf(image, 'protected') === 'true',
    isHidden: factOf(image, 'hidden') === 'true',
    minDisk: spec.minDisk,
    minRam: spec.minRam,
    tags: parseTags(factOf(image, 'tags')),
    diskFormat: spec.format,
    containerFormat: 'bare',
    properties: spec.properties ?? {},
  }
}

/** Undefined for an Image whose bytes the shim has not received. */
export function dataFactsOf(image: Image): DataFacts | undefined {
  const size = factOf(image, 'size')
  return size === undefined || !/^\d+$/.test(size) ? undefined : { size: Number(size), md5: factOf(image, 'md5') ?? '' }
}

/** When the image was last changed through Glance's API; otherwise when it was created. */
export function updateTimeOf(image: Image): string {
  const time = factOf(image, 'updatedAt')
  const isTime = time !== undefined && !Number.isNaN(Date.parse(time))
  return isoSeconds(isTime ? time : (image.metadata.creationTimestamp ?? 0))
}

/** @param kubernetesName the name of the Image object; a display name that equals it needs no annotation */
function annotationsFor(draft: ImageDraft, kubernetesName: string): Record<string, string | null> {
  const flag = (value: boolean): string | null => (value ? 'true' : null)
  return {
    [DISPLAY_NAME]: draft.name === kubernetesName ? null : (draft.name ?? ''),
    [annotationOf.tags]: draft.tags.length > 0 ? JSON.stringify(draft.tags) : null,
    [annotationOf.protected]: flag(draft.isProtected),
    [annotationOf.hidden]: flag(draft.isHidden),
    [annotationOf.shared]: flag(draft.visibility === 'shared'),
  }
}

const specFor = ({ visibility, minDisk, minRam }: ImageDraft) => ({
  visibility: visibility === 'shared' ? ('private' as const) : visibility,
  minDisk,
  minRam,
})

/** Where the bytes of an image are. */
export interface ImageSource {
  url: string
  checksum?: string
  facts?: DataFacts
}

/** @param uuid the image's ID in Glance */
export function imageFor(
  draft: ImageDraft,
  uuid: string,
  kubernetesName: string,
  { url, checksum, facts }: ImageSource,
) {
  const annotations = Object.entries(annotationsFor(draft, kubernetesName)).filter(
    (entry): entry is [string, string] => entry[1] !== null,
  )
  if (facts) annotations.push([annotationOf.size, String(facts.size)], [annotationOf.md5, facts.md5])
  return {
    metadata: { name: kubernetesName, annotations: Object.fromEntries(annotations) },
    spec: {
      uuid,
      url,
      ...(checksum === undefined ? {} : { checksum }),
      format: draft.diskFormat ?? 'raw',
      ...specFor(draft),
      ...(Object.keys(draft.properties).length > 0 ? { properties: { ...draft.properties } } : {}),
    },
  }
}

export function patchFor(image: Image, draft: ImageDraft, now: Date): MergePatch {
  const removed = Object.keys(image.spec.properties ?? {}).filter((key) => !Object.hasOwn(draft.properties, key))
  return {
    metadata: {
      annotations: { ...annotationsFor(draft, image.metadata.name), [annotationOf.updatedAt]: now.toISOString() },
    },
    spec: {
      ...specFor(draft),
      properties: { ...Object.fromEntries(removed.map((key) => [key, null])), ...draft.properties },
    },
  }
}
