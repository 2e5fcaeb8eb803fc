import { join } from 'node:path'
import { explainError, type Image } from '../../crds/index.ts'
import type { Log } from '../../kube/log.ts'
import { imageIdOf } from '../state/stores.ts'
import { ImageBytes, type ImageBytesOptions } from './bytes.ts'
import { dataKeyOf } from './data-url.ts'
import { QueuedImages } from './queued.ts'

export interface ImageFilesOptions extends ImageBytesOptions {
  /** The shim's address for hosts, without a slash at the end. If absent, that of the upload's request. */
  address?: string | undefined
  /** From the name of its namespace; empty if there is no such project. */
  projectIdOf: (namespace: string) => string
}

const COLLECT_INTERVAL_MS = 600_000

export class ImageFiles {
  readonly bytes: ImageBytes
  readonly queued: QueuedImages
  readonly address: string | undefined
  readonly #dir: string

  constructor(options: ImageFilesOptions) {
    this.bytes = new ImageBytes(options)
    this.queued = new QueuedImages(join(options.dir, 'queued'), options.projectIdOf)
    this.address = options.address
    this.#dir = options.dir
  }

  /** Throws an Error that says what to do if the volume cannot be written. */
  async start(): Promise<void> {
    try {
      await Promise.all([this.bytes.start(), this.queued.start()])
    } catch (cause) {
      const user = process.getuid?.() ?? 'of this program'
      throw new Error(
        `The volume for uploaded images, ${this.#dir}, must be writable for user ${user}: ${explainError(cause)}`,
        { cause },
      )
    }
  }

  /**
   * Removes the bytes of Images that were deleted by kubectl or with their namespace, the images without bytes of
   * deleted projects, and the remains of processes that have ended. Returns the number of removed files.
   */
  async removeOrphans(images: readonly Image[]): Promise<number> {
    const needed = new Set(images.flatMap(({ spec }) => dataKeyOf(spec.url)?.secret ?? []))
    const published = new Set(images.map((image) => `${image.metadata.namespace}/${imageIdOf(image)}`))
    const counts = await Promise.all([
      this.bytes.removeOrphans(({ secret }) => needed.has(secret)),
      this.queued.removeOrphans(({ namespace, id }) => published.has(`${namespace}/${id}`)),
    ])
    return counts[0] + counts[1]
  }

  /** @param listImages all Images, from a cache that is filled */
  collectUntil(signal: AbortSignal, listImages: () => Image[], log: Log): void {
    const collect = async (): Promise<void> => {
      try {
        const removed = await this.removeOrphans(listImages())
        if (removed > 0) log.info({ removed }, 'removed files of images that are gone')
      } catch (error) {
        log.error({ err: error }, 'cannot remove files of images that are gone')
      }
    }
    const timer = setInterval(() => void collect(), COLLECT_INTERVAL_MS).unref()
    signal.addEventListener('abort', () => clearInterval(timer), { once: true })
  }
}
