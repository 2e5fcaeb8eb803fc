import { join } from 'node:path'
import type { Image } from '../../crds/index.ts'
import type { Log } from '../../kube/log.ts'
import { ImageBytes, type ImageBytesOptions } from './bytes.ts'
import { dataKeyOf } from './data-url.ts'
import { QueuedImages } from './queued.ts'

export interface ImageFilesOptions extends ImageBytesOptions {
  /** The shim's address for hosts, without a slash at the end. If absent, that of the upload's request. */
  address?: string | undefined
}

const COLLECT_INTERVAL_MS = 600_000

export class ImageFiles {
  readonly bytes: ImageBytes
  readonly queued: QueuedImages
  readonly address: string | undefined

  constructor(options: ImageFilesOptions) {
    this.bytes = new ImageBytes(options)
    this.queued = new QueuedImages(join(options.dir, 'queued'))
    this.address = options.address
  }

  async start(): Promise<void> {
    await Promise.all([this.bytes.start(), this.queued.start()])
  }

  /** Removes the bytes of Images that were deleted by kubectl or with their namespace. */
  async removeOrphans(images: readonly Image[]): Promise<number> {
    const needed = new Set(images.flatMap(({ spec }) => dataKeyOf(spec.url)?.secret ?? []))
    return this.bytes.removeOrphans(({ secret }) => needed.has(secret))
  }

  /** @param listImages all Images, from a cache that is filled */
  collectUntil(signal: AbortSignal, listImages: () => Image[], log: Log): void {
    const collect = async (): Promise<void> => {
      try {
        const removed = await this.removeOrphans(listImages())
        if (removed > 0) log.info({ removed }, 'removed bytes of images that are gone')
      } catch (error) {
        log.error({ err: error }, 'cannot remove bytes of images that are gone')
      }
    }
    const timer = setInterval(() => void collect(), COLLECT_INTERVAL_MS).unref()
    signal.addEventListener('abort', () => clearInterval(timer), { once: true })
  }
}
