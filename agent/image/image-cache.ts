/**
 * The image cache of the host. A base is an image in the format in which the cache keeps it; the disks of servers are
 * made from bases. One call at a time makes the base of an image, and holds a lock meanwhile:
 *
 * download (or continue) → check the header → qemu-img info → decide whether to convert → check that the file is
 * complete → convert, or use the file as it is → publish the base.
 *
 * If a step is interrupted, the next call repeats it. Nothing is used before it has been verified.
 */
import { createHash } from 'node:crypto'
import { chmod, mkdir, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { isKubenovaError, Terminal, Transient } from '../../crds/index.ts'
import { renameDurably } from '../files/atomic-files.ts'
import { ignoreNotFound, pathExists, toDiskFull } from '../files/errors.ts'
import { lockFile } from '../files/lock-file.ts'
import { type BaseRequirements, checkImageHeader, type DiskFormat, planBase } from './base-plan.ts'
import { type Base, type BaseRecord, BaseStore } from './base-store.ts'
import { discardDownload, downloadSource, type RetryOptions } from './download.ts'
import type { CacheLimits } from './eviction.ts'
import { type SpaceCheck, writeWhileSpaceLasts } from './free-space.ts'
import { SourceOpener, type SourceOptions } from './image-source.ts'
import { checkImageIsWhole, convertImage, type ImageInfo, measureConvertedSize, readImageInfo } from './qemu-img.ts'
import { SharedJobs } from './shared-jobs.ts'

export interface ImageSource {
  uid: string
  url: string
  checksum?: string
  format: DiskFormat
  /**
   * Returns the decrypted credentials as the value of the header Authorization. Called only for a download. Absent if
   * the Image names no credentials.
   */
  authorize?: () => Promise<string>
}

export interface ImageCacheOptions extends SourceOptions {
  /** The cache's directory, on the same file system as the servers' disks. */
  directory: string
  hasSpace: SpaceCheck
  /**
   * `raw`: every base is raw, for a host whose root disks are full copies of their base. `asIs`: qcow2 and raw images
   * keep their format.
   */
  baseFormat: BaseRequirements['baseFormat']
  /** Bytes of the largest file to download. */
  maxBytes: number
  retry?: RetryOptions
}

export interface FetchContext {
  signal: AbortSignal
  /** `bytes` have been downloaded so far; `total` is undefined if the source does not tell it. */
  progress?: (bytes: number, total: number | undefined) => void
}

interface Download {
  source: string
  directory: string
  mediaType: string | undefined
}

/** 16 TiB. */
const MAX_VIRTUAL_SIZE = 16 * 1024 ** 4

export class ImageCache {
  readonly #options: ImageCacheOptions
  readonly #store: BaseStore
  readonly #sources: SourceOpener
  readonly #jobs = new SharedJobs<void>()

  private constructor(options: ImageCacheOptions) {
    this.#options = options
    this.#store = new BaseStore(options.directory)
    this.#sources = new SourceOpener(options)
  }

  /** Continues with what an earlier process left in the directory. */
  static async open(options: ImageCacheOptions): Promise<ImageCache> {
    const cache = new ImageCache(options)
    await cache.#store.open()
    return cache
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#jobs.close()
    this.#sources[Symbol.dispose]()
  }

  /**
   * Returns the base of an image; fetches the image if needed. Pins the base for `owner` (a server's uid): it is not
   * evicted until `unpin` is called. Idempotent.
   * @throws a Terminal error (not retried): ImageChecksumMismatch, ImageFormatMismatch, ImageNotADisk, ImageTruncated,
   * ImageUnsafe, ImageUnreadable, ImageTooLarge, ImageSourceNotAllowed, ImageFileMissing, ImageSourceUntrusted,
   * SealedSecretInvalid, or ImageDownloadFailed if a retry cannot help
   * @throws a Transient error (retried): DiskFull, ImageCacheBusy, or ImageDownloadFailed if a retry may help
   */
  async ensure(image: ImageSource, owner: string, { signal, progress }: FetchContext): Promise<Base> {
    const key = baseKey(image)
    // An eviction may remove the base before it is pinned, so try again, but not forever.
    for (let attempt = 0; attempt < 3; attempt++) {
      const pinned = await this.#store.pin(key, owner)
      if (pinned !== undefined) return requireFormat(pinned, image)
      const job = downloadKey(image)
      await this.#jobs.run(job, signal, progress, (context) => this.#createBase(key, job, image, owner, context))
    }
    throw new Transient(
      'ImageCacheBusy',
      `the image was removed from the cache as soon as it was there: is the cache too small?`,
    )
  }

  /** Call it after the owner's disks are deleted. Idempotent. */
  async unpin(owner: string): Promise<void> {
    await this.#store.unpin(owner)
  }

  /** A pin outlives its owner if a server is deleted while its image is being fetched. */
  async removeStalePins(ownerExists: (owner: string) => Promise<boolean>): Promise<void> {
    await this.#store.removeStalePins(ownerExists)
  }

  /** Returns the keys of the removed bases. */
  async evict(limits: CacheLimits, now: number = Date.now()): Promise<string[]> {
    return this.#store.evict(limits, now)
  }

  async #createBase(key: string, job: string, image: ImageSource, owner: string, context: FetchContext): Promise<void> {
    await using held = new AsyncDisposableStack()
    held.use(await lockFile(this.#store.lockPathOf(job), context.signal))
    if ((await this.#store.readRecord(key)) !== undefined) return
    const directory = this.#store.workDirectoryOf(job)
    await mkdir(directory, { recursive: true, mode: 0o700 })
    const source = join(directory, 'source')
    try {
      // An earlier call may have died between the rename of the source to base/disk and the publishing of the base.
      if (!(await pathExists(source))) await rename(join(directory, 'base', 'disk'), source).catch(ignoreNotFound)
      const mediaType = (await pathExists(source)) ? undefined : await this.#download(image, source, context)
      const record = await this.#prepareBase(image, { source, directory, mediaType }, context.signal)
      await writeFile(join(directory, 'base', 'record.json'), JSON.stringify(record))
      await this.#store.publish(key, join(directory, 'base'), owner)
      await rm(directory, { recursive: true, force: true })
    } catch (thrown) {
      const error = toFaultOfHost(toDiskFull(thrown, 'the image'), image)
      // Keep the downloaded bytes only if a retry can use them and the disk is not full.
      const canContinue = !isKubenovaError(error) || (error.kind === 'Transient' && error.code !== 'DiskFull')
      if (!canContinue) await rm(directory, { recursive: true, force: true })
      throw error
    }
  }

  /** Returns the media type that the source gave. */
  async #download(image: ImageSource, source: string, { signal, progress }: FetchContext): Promise<string | undefined> {
    const { maxBytes, retry, hasSpace } = this.#options
    const target = `${source}.part`
    const { mediaType } = await downloadSource(this.#sources, {
      url: image.url,
      target,
      maxBytes,
      signal,
      ...(image.checksum !== undefined && { checksum: image.checksum }),
      ...(retry !== undefined && { retry }),
      ...(image.authorize !== undefined && { authorization: await image.authorize() }),
      progress: (bytes, total) => progress?.(bytes, total),
      hasSpace,
    })
    await renameDurably(target, source)
    await discardDownload(target)
    return mediaType
  }

  async #prepareBase(
    image: ImageSource,
    { source, directory, mediaType }: Download,
    signal: AbortSignal,
  ): Promise<BaseRecord> {
    const { baseFormat } = this.#options
    const base = join(directory, 'base')
    const disk = join(base, 'disk')
    const { format, url, checksum } = image
    await checkImageHeader(source, {
      format,
      isVerified: checksum !== undefined,
      ...(mediaType !== undefined && { mediaType }),
    })
    const info = await readImageInfo(source, signal)
    const plan = planBase(info, { format, maxVirtualSize: MAX_VIRTUAL_SIZE, baseFormat })
    await checkImageIsWhole(source, info, signal)
    await rm(base, { recursive: true, force: true })
    await mkdir(base)
    if ('use' in plan) await rename(source, disk)
    else await this.#convert(source, disk, info, plan.convertTo, signal)
    await chmod(disk, 0o444)
    return {
      format: 'use' in plan ? plan.use : plan.convertTo,
      virtualSize: info['virtual-size'],
      source: { format, url, ...(checksum !== undefined && { checksum }) },
      created: new Date().toISOString(),
    }
  }

  /** The source stays until the end, so the conversion needs additional space. */
  async #convert(
    source: string,
    disk: string,
    info: ImageInfo,
    to: Base['format'],
    signal: AbortSignal,
  ): Promise<void> {
    const bytes = await measureConvertedSize(source, info, signal)
    await writeWhileSpaceLasts(this.#options.hasSpace, { bytes, what: `the image as ${to}`, signal }, (signal) =>
      convertImage(source, disk, { from: info.format, to, virtualSize: info['virtual-size'], signal }),
    )
  }
}

/** Errors that the bytes of an image file cause. Another host may have a good copy of the file. */
const faultsOfCopies: ReadonlySet<string> = new Set([
  'ImageChecksumMismatch',
  'ImageFormatMismatch',
  'ImageNotADisk',
  'ImageTruncated',
  'ImageUnreadable',
])

/** If the image is a file of this host, the scheduler may choose another host, which may have a good copy. */
function toFaultOfHost(error: unknown, { url }: ImageSource): unknown {
  if (!url.startsWith('file:') || !isKubenovaError(error) || !faultsOfCopies.has(error.code)) return error
  return new Terminal(error.code, error.message, { cause: error, isHostFault: true })
}

/**
 * Images with the same checksum share a base, but may declare different formats.
 * @throws a Terminal error (not retried) with the code ImageFormatMismatch if the base was made from an image of
 * another format
 */
function requireFormat({ record, ...base }: Base & { record: BaseRecord }, image: ImageSource): Base {
  if (record.source.format !== image.format) {
    throw new Terminal(
      'ImageFormatMismatch',
      `the Image has format ${image.format}, but the file is ${record.source.format}: create an Image with that format`,
    )
  }
  return base
}

/**
 * URL and format are in the key of a download, so that a bad URL does not make the download fail for Servers whose
 * image has the same checksum and another URL.
 */
export function downloadKey(image: ImageSource): string {
  return sha256(`${baseKey(image)}\n${image.url}\n${image.format}`)
}

/**
 * A valid directory name. Images with the same checksum share a base. An Image without a checksum does not, because the
 * content of its URL may change. Neither does one with credentials: a user who knows only the checksum must not get the
 * content.
 */
export function baseKey({
  uid,
  url,
  checksum,
  authorize,
}: Pick<ImageSource, 'uid' | 'url' | 'checksum' | 'authorize'>): string {
  if (authorize !== undefined) return `private-${sha256(`${uid}\n${url}\n${checksum ?? ''}`)}`
  if (checksum !== undefined) return checksum.replace(':', '-')
  return `url-${sha256(`${uid}\n${url}`)}`
}

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex')
