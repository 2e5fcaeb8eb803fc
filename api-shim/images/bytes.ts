/**
 * The bytes of uploaded images on the shim's volume, which all replicas share. An upload gets its final file name only
 * when it is complete, so an interrupted one leaves nothing.
 */
import { createHash, randomBytes } from 'node:crypto'
import { type FileHandle, mkdir, open, readdir, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { Fault, newConflict } from '../http/fault.ts'
import { ageOf, claimFile, codeOf, olderThan } from './claim.ts'
import { type DataKey, isDataKey } from './data-url.ts'

/** Hashes are in hexadecimal. */
export interface ReceivedData {
  key: DataKey
  size: number
  md5: string
  sha512: string
}

export interface ImageBytesOptions {
  dir: string
  /** The largest image in bytes. */
  maxBytes: number
  /** Milliseconds without data after which an upload is ended. */
  idleMs?: number
}

/**
 * If a partial file is not written to for this many milliseconds, the process that wrote it has ended. Must be longer
 * than `idleMs`, after which a running process ends an upload without data.
 */
const STALE_MS = 180_000
/** Milliseconds for which bytes without an Image are kept, because their Image may be about to be created. */
const ORPHAN_MS = 3_600_000

const tooLarge = (text: string): Fault => new Fault(413, text, { connection: 'close' })

export class ImageBytes {
  readonly #partial: string
  readonly #data: string
  readonly #maxBytes: number
  readonly #idleMs: number

  constructor({ dir, maxBytes, idleMs = 60_000 }: ImageBytesOptions) {
    this.#partial = join(dir, 'partial')
    this.#data = join(dir, 'data')
    this.#maxBytes = maxBytes
    this.#idleMs = idleMs
  }

  async start(): Promise<void> {
    await mkdir(this.#partial, { recursive: true })
    await mkdir(this.#data, { recursive: true })
  }

  /**
   * Throws a 409 if another upload for the image is under way, a 413 if the image is too large or the volume is full,
   * and a 400 if the client stops.
   * @param announced the size in bytes that the client has announced, if any
   */
  async receive(id: string, source: Readable, announced?: number): Promise<ReceivedData> {
    if (announced !== undefined && announced > this.#maxBytes) throw this.#limitExceeded()
    const path = join(this.#partial, id)
    const file = await claimFile(path, STALE_MS)
    if (!file)
      throw newConflict(`Image status transition from saving to saving is not allowed: image ${id} is being uploaded.`)
    try {
      const received = await this.#write(file, source)
      const key = { id, secret: randomBytes(20).toString('hex') }
      await rename(path, this.#pathOf(key))
      return { key, ...received }
    } catch (error) {
      await rm(path, { force: true })
      throw faultOfUpload(error)
    } finally {
      await file.close()
    }
  }

  async isReceiving(id: string): Promise<boolean> {
    return (await ageOf(join(this.#partial, id))) < STALE_MS
  }

  async open(key: DataKey): Promise<{ file: FileHandle; size: number } | undefined> {
    if (!isDataKey(key)) return undefined
    try {
      const file = await open(this.#pathOf(key), 'r')
      return { file, size: (await file.stat()).size }
    } catch (error) {
      if (codeOf(error) === 'ENOENT') return undefined
      throw error
    }
  }

  async remove(key: DataKey): Promise<void> {
    if (isDataKey(key)) await rm(this.#pathOf(key), { force: true })
  }

  /** Removes bytes without an Image, and what crashed processes have left. Returns the number of removed files. */
  async removeOrphans(isNeeded: (key: DataKey) => boolean): Promise<number> {
    const orphans = (await readdir(this.#data)).filter((name) => {
      const [, id = '', secret = ''] = /^(.{36})-(.+)$/.exec(name) ?? []
      return isDataKey({ id, secret }) && !isNeeded({ id, secret })
    })
    const old = [
      ...(await olderThan(this.#data, orphans, ORPHAN_MS)),
      ...(await olderThan(this.#partial, await readdir(this.#partial), ORPHAN_MS)),
    ]
    await Promise.all(old.map((path) => rm(path, { force: true })))
    return old.length
  }

  async #write(file: FileHandle, source: Readable): Promise<Omit<ReceivedData, 'key'>> {
    const [md5, sha512] = [createHash('md5'), createHash('sha512')]
    const idle = new AbortController()
    const timer = setTimeout(() => idle.abort(new Error('the client sends nothing')), this.#idleMs).unref()
    const limit = (): Fault => this.#limitExceeded()
    const maxBytes = this.#maxBytes
    let size = 0
    const store = async (chunks: AsyncIterable<Buffer>): Promise<void> => {
      for await (const chunk of chunks) {
        timer.refresh()
        size += chunk.length
        if (size > maxBytes) throw limit()
        md5.update(chunk)
        sha512.update(chunk)
        await file.appendFile(chunk)
      }
    }
    try {
      await pipeline(source, store, { signal: idle.signal })
      await file.sync()
    } finally {
      clearTimeout(timer)
    }
    return { size, md5: md5.digest('hex'), sha512: sha512.digest('hex') }
  }

  #limitExceeded(): Fault {
    return tooLarge(`The incoming image is too large: the limit is ${this.#maxBytes} bytes.`)
  }

  #pathOf({ id, secret }: DataKey): string {
    return join(this.#data, `${id}-${secret}`)
  }
}

function faultOfUpload(error: unknown): unknown {
  if (error instanceof Fault) return error
  if (codeOf(error) === 'ENOSPC' || codeOf(error) === 'EDQUOT') return tooLarge('Image storage media is full.')
  const isOfClient = ['ECONNRESET', 'ERR_STREAM_PREMATURE_CLOSE', 'ABORT_ERR'].includes(codeOf(error) ?? '')
  return isOfClient
    ? new Fault(400, 'Error in upload: the data ended too early.', { connection: 'close' }, error)
    : error
}
