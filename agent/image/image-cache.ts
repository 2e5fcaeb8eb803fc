/**
 * The image cache of the host. A base is an image in the format in which the cache keeps it; the disks of servers are
 * made from bases. However many servers wait for an image, only one call at a time makes its base, and holds a lock
 * meanwhile:
 * download (or continue) → check the header → qemu-img info → decide whether to convert → check that the file is
 * complete → convert, or use the file as it is → publish the base.
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

/** The part of a server's resolved image that the cache needs. */
export interface ImageSource {
  uid: string
  url: string
  checksum?: string
  format: DiskFormat
  /**
   * Decrypts the credentials for the URL and returns them as the value of the header Authorization. Called only for a
   * download. Absent if the Image names no credentials.
   */
  authorize?: () => Promise<string>
}

export interface ImageCacheOptions extends SourceOptions {
  /** Directory of the cache, on the file system of the servers' disks. */
  directory: string
  /** Checks the free space of the cache's file system. */
  hasSpace: SpaceCheck
  /**
   * With `raw`, every base (the cached form of an image) is raw: for a host whose root disks are full copies of their
   * base. With `asIs`, qcow2 and raw images keep their format.
   */
  baseFormat: BaseRequirements['baseFormat']
  /** Bytes of the largest file to download. */
  maxBytes: number
  retry?: RetryOptions
}

export interface FetchContext {
  signal: AbortSignal
  /** Called with the number of bytes downloaded so far and, if known, the total number of bytes. */
  progress?: (bytes: number, total: number | undefined) => void
}

/**
 * A complete download: the path of the downloaded file (`source`), its directory, and the media type that the HTTP
 * server gave.
 */
interface Download {
  source: string
  directory: string
  mediaType: string | undefined
}

/** Bytes of the largest disk that an image may hold: 16 TiB. */
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

  /** Creates the directory, or continues with what an earlier process left in it. */
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
   * Returns the base of an image; fetches the image if needed. The base is pinned for `owner` (a server's uid): it is
   * not evicted from the cache until `unpin` is called. Idempotent.
   * @throws a Terminal error (not retried): ImageChecksumMismatch, ImageFormatMismatch, ImageNotADisk, ImageTruncated,
   * ImageUnsafe, ImageUnreadable, ImageTooLarge, ImageSourceNotAllowed, ImageFileMissing, ImageSourceUntrusted,
   * SealedSecretInvalid, or ImageDownloadFailed if a retry cannot help
   * @throws a Transient error (retried): DiskFull, ImageCacheBusy, or ImageDownloadFailed if a retry may help
   */
  async ensure(image: ImageSource, owner: string, { signal, progress }: FetchContext): Promise<Base> {
    const key = baseKey(image)
    // An eviction may remove the base after it was created and before it is pinned, so try again, but not forever.
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

  /**
   * Removes the owner's pins, which protect bases from eviction. Call it after the owner's disks are deleted.
   * Idempotent.
   */
  async unpin(owner: string): Promise<void> {
    await this.#store.unpin(owner)
  }

  /**
   * Removes pins (protections of bases from eviction) whose owner, a server, no longer exists. Such a pin remains if a
   * server is deleted while its image is being fetched.
   */
  async removeStalePins(ownerExists: (owner: string) => Promise<boolean>): Promise<void> {
    await this.#store.removeStalePins(ownerExists)
  }

  /**
   * Removes bases that no disk of this host needs, as far as the limits require. Returns the keys of the removed bases.
   */
  async evict(limits: CacheLimits, now: number = Date.now()): Promise<string[]> {
    return this.#store.evict(limits, now)
  }

  async #createBase(key: string, job: string, image: ImageSource, owner: string, context: FetchContext): Promise<void> {
    await using held = new AsyncDisposableStack()
    held.use(await lockFile(this.#store.lockPathOf(job), context.signal))
    // Another process may have created the base while this process waited for the lock.
    if ((await this.#store.readRecord(key)) !== undefined) return
    const directory = this.#store.workDirectoryOf(job)
    await mkdir(directory, { recursive: true, mode: 0o700 })
    const source = join(directory, 'source')
    try {
      // The agent may have died during an earlier call, between the rename of the source to base/disk and the
      // publishing of the base. In that case rename the file back and make the base from it again.
      if (!(await pathExists(source))) await rename(join(directory, 'base', 'disk'), source).catch(ignoreNotFound)
      const mediaType = (await pathExists(source)) ? undefined : await this.#download(image, source, context)
      const record = await this.#prepareBase(image, { source, directory, mediaType }, context.signal)
      await writeFile(join(directory, 'base', 'record.json'), JSON.stringify(record))
      await this.#store.publish(key, join(directory, 'base'), owner)
      await rm(directory, { recursive: true, force: true })
    } catch (thrown) {
      const error = toFaultOfHost(toDiskFull(thrown, 'the image'), image)
      // Keep the downloaded bytes if a retry can use them. Otherwise delete them, because they cannot become a base or
      // the disk is full.
      const canContinue = !isKubenovaError(error) || (error.kind === 'Transient' && error.code !== 'DiskFull')
      if (!canContinue) await rm(directory, { recursive: true, force: true })
      throw error
    }
  }

  /** Downloads the image and returns the media type that its source gave. */
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

  /** Creates the directory `base` with the disk in it, and returns the record of the base. */
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

  /** Converts the source to `disk`. This needs additional space, because the source stays until the end. */
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

/**
 * Codes of errors that the bytes of an image file cause. If the image is a file of this host, another host may have a
 * good copy, so `toFaultOfHost` marks such an error as a fault of this host.
 */
const faultsOfCopies: ReadonlySet<string> = new Set([
  'ImageChecksumMismatch',
  'ImageFormatMismatch',
  'ImageNotADisk',
  'ImageTruncated',
  'ImageUnreadable',
])

/**
 * Marks the error as a fault of this host if the image is a file of this host and its bytes are wrong. The scheduler
 * may then choose another host, which may have a good copy of the file.
 */
function toFaultOfHost(error: unknown, { url }: ImageSource): unknown {
  if (!url.startsWith('file:') || !isKubenovaError(error) || !faultsOfCopies.has(error.code)) return error
  return new Terminal(error.code, error.message, { cause: error, isHostFault: true })
}

/**
 * Returns the base if it was made from an image of the format that `image` declares. Images with the same checksum
 * share a base, but may declare different formats.
 * @throws a Terminal error (not retried) with the code ImageFormatMismatch if the formats differ
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
 * The key of a download. Images share a download only if checksum, URL and format are the same. So a bad URL does not
 * make the download fail for Servers whose image has the same checksum and another URL.
 */
export function downloadKey(image: ImageSource): string {
  return sha256(`${baseKey(image)}\n${image.url}\n${image.format}`)
}

/**
 * The key of a base, which is a valid directory name. Images with the same checksum share a base. An Image without a
 * checksum has a base of its own, because the content of its URL may change. An Image with credentials also has a base
 * of its own: otherwise a user who knows only the checksum could get the content without the credentials.
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
