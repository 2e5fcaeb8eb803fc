/**
 * The host's image cache: an image becomes a base, once, however many servers wait for it. The plan of one image:
 *   locked by key and source: download (resumed) → header → qemu-img info → judge → convert or take as it is → publish.
 * Each stage leaves either its whole result or what the next call does anew: nothing is used before it is verified.
 */
import { createHash } from 'node:crypto'
import { chmod, mkdir, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { isOurs, Terminal, Transient } from '../../crds/index.ts'
import { discard, download, type RetryOptions } from './download.ts'
import { absent, diskFull, exists, publish } from './files.ts'
import { checkHeader, type Demands, type DiskFormat, judge } from './inspect.ts'
import { lockFile } from './lock.ts'
import type { CleanLimits } from './lru.ts'
import { convertedSize, convertImage, type ImageInfo, imageInfo } from './qemu-img.ts'
import { type Room, withRoom } from './room.ts'
import { Shared } from './shared.ts'
import { type SourceOptions, Sources } from './source.ts'
import { type Base, type Record, Store } from './store.ts'

/** What is needed of an Image: the image of an Instance has it. */
export interface ImageSource {
  uid: string
  url: string
  checksum?: string
  format: DiskFormat
}

export interface ImageCacheOptions extends SourceOptions {
  /** Its folder, on the file system of the servers' disks. */
  directory: string
  /** On that file system. */
  room: Room
  /** asIs: qcow2 and raw stay what they are. raw: everything is made raw, for hosts that copy bases. */
  baseFormat: Demands['baseFormat']
  /** Largest file to fetch, bytes. */
  maxBytes: number
  retry?: RetryOptions
}

export interface FetchContext {
  signal: AbortSignal
  /** Bytes fetched so far, and of how many. */
  progress?: (bytes: number, total: number | undefined) => void
}

/** Bytes of the largest disk that an image may hold: 16 TiB. */
const MAX_VIRTUAL_SIZE = 16 * 1024 ** 4

export class ImageCache {
  readonly #options: ImageCacheOptions
  readonly #store: Store
  readonly #sources: Sources
  readonly #running = new Shared<void>()

  private constructor(options: ImageCacheOptions) {
    this.#options = options
    this.#store = new Store(options.directory)
    this.#sources = new Sources(options)
  }

  /** Makes the folder, or goes on with what an earlier process left in it. */
  static async open(options: ImageCacheOptions): Promise<ImageCache> {
    const cache = new ImageCache(options)
    await cache.#store.open()
    return cache
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#running.close()
    this.#sources[Symbol.dispose]()
  }

  /**
   * The base of an image, pinned for `owner` (a server's uuid) until `unpin`. May be repeated.
   * Throws Terminal ImageChecksumMismatch, ImageFormatMismatch, ImageUnsafe, ImageUnreadable, ImageTooLarge,
   * ImageSourceRefused, ImageDownloadFailed; Transient ImageDownloadFailed, DiskFull.
   */
  async ensure(image: ImageSource, owner: string, { signal, progress }: FetchContext): Promise<Base> {
    const key = keyOf(image)
    // A base may be removed between its making and its pin; but not for ever.
    for (let attempt = 0; attempt < 3; attempt++) {
      const found = await this.#store.pin(key, owner)
      if (found !== undefined) return this.#checked(found, image)
      const work = workOf(image)
      await this.#running.run(work, signal, progress, (context) => this.#make(key, work, image, owner, context))
    }
    throw new Transient(
      'ImageCacheBusy',
      `the image was removed from the cache as soon as it was there: is the cache too small?`,
    )
  }

  /** The owner's disks are gone. May be repeated. */
  async unpin(owner: string): Promise<void> {
    await this.#store.unpin(owner)
  }

  /** Unpins what no server needs: who asked for an image first may have gone before it came. @param isThere is there such an owner, or a disk of its? */
  async dropPins(isThere: (owner: string) => Promise<boolean>): Promise<void> {
    await this.#store.dropPins(isThere)
  }

  /** Removes bases that no disk of this host is backed by, as far as the limits ask for it; returns their keys. */
  async clean(limits: CleanLimits, now: number = Date.now()): Promise<string[]> {
    return this.#store.clean(limits, now)
  }

  /** Two Images may have one checksum and differ in what they say of it. */
  #checked({ record, ...base }: Base & { record: Record }, image: ImageSource): Base {
    if (record.source.format !== image.format) {
      throw new Terminal(
        'ImageFormatMismatch',
        `the image says format ${image.format}, but the file is ${record.source.format}: create an Image with that format`,
      )
    }
    return base
  }

  async #make(key: string, work: string, image: ImageSource, owner: string, context: FetchContext): Promise<void> {
    await using held = new AsyncDisposableStack()
    held.use(await lockFile(this.#store.lockPath(work), context.signal))
    // Another process may have made it while this one waited for the lock.
    if ((await this.#store.record(key)) !== undefined) return
    const folder = this.#store.workFolder(work)
    await mkdir(folder, { recursive: true, mode: 0o700 })
    const source = join(folder, 'source')
    try {
      // A crash after the source became the disk, and before that was published: it is looked at anew.
      if (!(await exists(source))) await rename(join(folder, 'base', 'disk'), source).catch(absent)
      if (!(await exists(source))) await this.#download(image, source, context)
      const record = await this.#prepare(image, source, folder, context.signal)
      await writeFile(join(folder, 'base', 'record.json'), JSON.stringify(record))
      await this.#store.publish(key, join(folder, 'base'), owner)
      await rm(folder, { recursive: true, force: true })
    } catch (error) {
      const known = diskFull(error, 'the image')
      // What cannot become a base takes no room; what can be gone on with stays.
      const again = !isOurs(known) || (known.kind === 'Transient' && known.code !== 'DiskFull')
      if (!again) await rm(folder, { recursive: true, force: true })
      throw known
    }
  }

  async #download(image: ImageSource, source: string, { signal, progress }: FetchContext): Promise<void> {
    const { maxBytes, retry, room } = this.#options
    const target = `${source}.part`
    await download(this.#sources, {
      url: image.url,
      target,
      maxBytes,
      signal,
      ...(image.checksum !== undefined && { checksum: image.checksum }),
      ...(retry !== undefined && { retry }),
      progress: (bytes, total) => progress?.(bytes, total),
      room,
    })
    await publish(target, source)
    await discard(target)
  }

  /** Makes the folder `base` with the disk in it. */
  async #prepare(image: ImageSource, source: string, folder: string, signal: AbortSignal): Promise<Record> {
    const { baseFormat } = this.#options
    const made = join(folder, 'base')
    const disk = join(made, 'disk')
    const { format, url, checksum } = image
    await checkHeader(source)
    const info = await imageInfo(source, signal)
    const verdict = judge(info, { format, maxVirtualSize: MAX_VIRTUAL_SIZE, baseFormat })
    await rm(made, { recursive: true, force: true })
    await mkdir(made)
    if ('use' in verdict) await rename(source, disk)
    else await this.#convert(source, disk, info, verdict.convertTo, signal)
    await chmod(disk, 0o444)
    return {
      format: 'use' in verdict ? verdict.use : verdict.convertTo,
      virtualSize: info['virtual-size'],
      source: { format, url, ...(checksum !== undefined && { checksum }) },
      created: new Date().toISOString(),
    }
  }

  /** Both are there until it is done: source and disk. */
  async #convert(
    source: string,
    disk: string,
    info: ImageInfo,
    to: Base['format'],
    signal: AbortSignal,
  ): Promise<void> {
    const bytes = await convertedSize(source, info, signal)
    await withRoom(this.#options.room, { bytes, what: `the image as ${to}`, signal }, (within) =>
      convertImage(source, disk, { from: info.format, to, virtualSize: info['virtual-size'], signal: within }),
    )
  }
}

/** Who gives one checksum another source, or another format, has a download of its own: what is wrong with that is wrong for nobody else. */
export function workOf(image: ImageSource): string {
  return createHash('sha256')
    .update(`${keyOf(image)}\n${image.url}\n${image.format}`)
    .digest('hex')
}

/** By content where it is known; else by the Image, since what is at a URL may change. A name for a folder. */
export function keyOf({ uid, url, checksum }: Pick<ImageSource, 'uid' | 'url' | 'checksum'>): string {
  if (checksum !== undefined) return checksum.replace(':', '-')
  return `url-${createHash('sha256').update(`${uid}\n${url}`).digest('hex')}`
}
