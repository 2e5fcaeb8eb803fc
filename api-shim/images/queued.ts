/**
 * Glance images whose bytes have not been uploaded. The shim keeps them as files on its volume, which all replicas
 * share. It creates the Image object after the upload, because servers can boot from each Image object.
 */
import { randomUUID } from 'node:crypto'
import { mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { newForbidden } from '../http/fault.ts'
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
/** Milliseconds after which the record of a project that the cache does not have is one of a deleted project. */
const ORPHAN_MS = 3_600_000

const isMissing = (error: unknown): boolean => (error as NodeJS.ErrnoException).code === 'ENOENT'

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
      if (isMissing(error)) return undefined
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

  async save(image: QueuedImage): Promise<void> {
    const temporary = join(this.#dir, `.${image.id}-${randomUUID()}`)
    await writeFile(temporary, JSON.stringify(image), { mode: 0o600 })
    await rename(temporary, this.#pathOf(image.id))
  }

  async delete(id: string): Promise<void> {
    await rm(this.#pathOf(id), { force: true })
  }

  /** Removes the records of deleted projects. Returns their number. */
  async removeOrphans(): Promise<number> {
    const isOld = ({ updatedAt }: QueuedImage): boolean => Date.now() - Date.parse(updatedAt) > ORPHAN_MS
    const orphans = (await this.#readAll()).filter((image) => !this.#hasProject(image) && isOld(image))
    await Promise.all(orphans.map(({ id }) => this.delete(id)))
    return orphans.length
  }

  #pathOf(id: string): string {
    return join(this.#dir, `${id}.json`)
  }
}
