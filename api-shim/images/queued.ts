/**
 * Glance images whose bytes have not been uploaded. The shim keeps them as files on its volume, which all replicas
 * share. It creates the Image object after the upload, because servers can boot from each Image object.
 */
import { randomUUID } from 'node:crypto'
import { mkdir, readdir, readFile, rename, rm, utimes, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { newConflict, newForbidden } from '../http/fault.ts'
import { claimFile, codeOf, olderThan } from './claim.ts'
import type { ImageDraft } from './draft.ts'

export interface QueuedImage {
  id: string
  namespace: string
  /** A new project can get the namespace of a deleted one, but not its ID. */
  projectId: string
  createdAt: string
  updatedAt: string
  draft: ImageDraft
}

/** No project may fill the volume with images without bytes. */
const MAX_PER_PROJECT = 200
/**
 * Milliseconds after which the record of a project that the cache does not have is one of a deleted project, and other
 * files are those of a process that has ended.
 */
const ORPHAN_MS = 3_600_000
/** Milliseconds between two signs of life of a process that holds a lock. */
const LOCK_BEAT_MS = 5_000
/** Milliseconds without a sign of life after which another request takes the lock. */
const LOCK_STALE_MS = 30_000
/** Milliseconds that a request waits for a lock. */
const LOCK_WAIT_MS = 40_000
const LOCK_POLL_MS = 20

export class QueuedImages {
  readonly #dir: string
  readonly #projectIdOf: (namespace: string) => string

  /** @param dir the directory of the files */
  constructor(dir: string, projectIdOf: (namespace: string) => string) {
    this.#dir = dir
    this.#projectIdOf = projectIdOf
  }

  async start(): Promise<void> {
    await mkdir(this.#dir, { recursive: true })
  }

  /** All images without bytes, of all projects that exist. */
  async list(): Promise<QueuedImage[]> {
    return (await this.#readAll()).filter((image) => this.#hasProject(image))
  }

  async #readAll(): Promise<QueuedImage[]> {
    const names = (await readdir(this.#dir)).filter((name) => name.endsWith('.json') && !name.startsWith('.'))
    const found = await Promise.all(names.map((name) => this.#read(name.slice(0, -'.json'.length))))
    return found.filter((image) => image !== undefined)
  }

  /** Undefined also if the project of the image is gone. */
  async get(id: string): Promise<QueuedImage | undefined> {
    const image = await this.#read(id)
    return image && this.#hasProject(image) ? image : undefined
  }

  #hasProject({ namespace, projectId }: QueuedImage): boolean {
    return this.#projectIdOf(namespace) === projectId
  }

  async #read(id: string): Promise<QueuedImage | undefined> {
    if (!/^[0-9a-f-]{36}$/.test(id)) return undefined
    try {
      return JSON.parse(await readFile(this.#pathOf(id), 'utf8')) as QueuedImage
    } catch (error) {
      if (codeOf(error) === 'ENOENT') return undefined
      throw error
    }
  }

  /** Throws a 403 if the project has too many images without bytes. */
  async add(image: QueuedImage): Promise<void> {
    const own = (await this.list()).filter(({ namespace }) => namespace === image.namespace)
    if (own.length >= MAX_PER_PROJECT)
      throw newForbidden(`The project has ${own.length} images without data: upload their data or delete some of them.`)
    await this.save(image)
  }

  /**
   * Calls `work` with the newest record; undefined if there is none. Meanwhile no other request to any replica changes
   * the record. Throws a 409 if another request takes too long.
   */
  async withLock<T>(id: string, work: (newest: QueuedImage | undefined) => Promise<T>): Promise<T> {
    const lock = join(this.#dir, `.${id}-lock`)
    await claimLock(lock, id)
    const beat = (): void => void utimes(lock, new Date(), new Date()).catch(() => undefined)
    const timer = setInterval(beat, LOCK_BEAT_MS).unref()
    try {
      return await work(await this.get(id))
    } finally {
      clearInterval(timer)
      await rm(lock, { force: true })
    }
  }

  /** The caller must hold the lock if the record exists. */
  async save(image: QueuedImage): Promise<void> {
    const temporary = join(this.#dir, `.${image.id}-${randomUUID()}`)
    await writeFile(temporary, JSON.stringify(image), { mode: 0o600 })
    await rename(temporary, this.#pathOf(image.id))
  }

  /** The caller must hold the lock, unless the Image exists. */
  async delete(id: string): Promise<void> {
    await rm(this.#pathOf(id), { force: true })
  }

  /**
   * Removes the records of deleted projects, those that have an Image, and the files of processes that have ended.
   * Returns the number of removed files.
   */
  async removeOrphans(hasImage: (image: QueuedImage) => boolean): Promise<number> {
    const isOld = ({ updatedAt }: QueuedImage): boolean => Date.now() - Date.parse(updatedAt) > ORPHAN_MS
    const isOrphan = (image: QueuedImage): boolean => (this.#hasProject(image) ? hasImage(image) : isOld(image))
    const orphans = (await this.#readAll()).filter(isOrphan).map(({ id }) => this.#pathOf(id))
    const others = (await readdir(this.#dir)).filter((name) => name.startsWith('.'))
    const paths = [...orphans, ...(await olderThan(this.#dir, others, ORPHAN_MS))]
    await Promise.all(paths.map((path) => rm(path, { force: true })))
    return paths.length
  }

  #pathOf(id: string): string {
    return join(this.#dir, `${id}.json`)
  }
}

async function claimLock(path: string, id: string): Promise<void> {
  for (const end = Date.now() + LOCK_WAIT_MS; Date.now() < end; await wait(LOCK_POLL_MS)) {
    const file = await claimFile(path, LOCK_STALE_MS)
    if (file) return file.close()
  }
  throw newConflict(`Image ${id} is being changed by another request: try again.`)
}
