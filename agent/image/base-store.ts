/**
 * The directory of the image cache. A base is a cached image from which disks are made.
 *   bases/<key>/{disk,record.json}   a complete base; the directory is renamed into place as a whole
 *   bases/<key>/pins/<owner>         a pin: a disk of this server may be backed by the base, so the base must stay
 *   work/<download key>/…            a download or conversion in progress
 *   locks/<download key>             an flock, so that one process at a time works on the download
 *   trash/…                          bases that are being removed
 * To remove a base, a process renames it into trash/ and then checks its pins. To pin a base, a process writes the pin
 * and then checks that the base still exists. If one process removes a base while another pins it, exactly one of them
 * succeeds.
 */
import { randomBytes } from 'node:crypto'
import { mkdir, readdir, readFile, rename, rm, stat, statfs, utimes, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { syncToDisk } from '../files/atomic-files.ts'
import { errorCodeOf, ignoreNotFound, pathExists } from '../files/errors.ts'
import { type CachedBase, type CacheLimits, selectBasesToEvict } from './eviction.ts'

export interface BaseRecord {
  format: 'qcow2' | 'raw'
  virtualSize: number
  source: { format: string; url: string; checksum?: string }
  created: string
}

export interface Base {
  key: string
  path: string
  format: 'qcow2' | 'raw'
  /** Bytes of the disk as a guest sees it. */
  virtualSize: number
}

/** Milliseconds (one day). */
const MAX_WORK_AGE_MS = 86_400_000

export class BaseStore {
  readonly #root: string

  constructor(root: string) {
    this.#root = root
  }

  /** Finishes removals that a crash interrupted. Keeps work/, so that downloads can continue. */
  async open(): Promise<void> {
    for (const name of ['bases', 'work', 'locks', 'trash'])
      await mkdir(join(this.#root, name), { recursive: true, mode: 0o755 })
    for (const name of await readdir(join(this.#root, 'trash'))) await this.#finishRemoval(name)
  }

  workDirectoryOf(downloadKey: string): string {
    return join(this.#root, 'work', downloadKey)
  }

  lockPathOf(downloadKey: string): string {
    return join(this.#root, 'locks', downloadKey)
  }

  async readRecord(key: string): Promise<BaseRecord | undefined> {
    const text = await readFile(this.#basePath(key, 'record.json'), 'utf8').catch(ignoreNotFound)
    return text === undefined ? undefined : (JSON.parse(text) as BaseRecord)
  }

  /** A new pin counts as a use of the base. Returns undefined if there is no such base. */
  async pin(key: string, owner: string): Promise<(Base & { record: BaseRecord }) | undefined> {
    const pin = this.#basePath(key, 'pins', owner)
    try {
      if (!(await pathExists(pin))) await this.#writePin(key, pin)
    } catch (error) {
      return ignoreNotFound(error)
    }
    const record = await this.readRecord(key)
    if (record === undefined) return undefined
    const { format, virtualSize } = record
    return { key, path: this.#basePath(key, 'disk'), format, virtualSize, record }
  }

  async #writePin(key: string, pin: string): Promise<void> {
    await writeFile(pin, '', { flush: true })
    await syncToDisk(this.#basePath(key, 'pins'))
    const now = new Date()
    await utimes(this.#basePath(key), now, now)
  }

  /** Call it when no disk of the owner is backed by a base any more. */
  async unpin(owner: string): Promise<void> {
    for (const key of await readdir(this.#basePath())) await rm(this.#basePath(key, 'pins', owner), { force: true })
  }

  async removeStalePins(ownerExists: (owner: string) => Promise<boolean>): Promise<void> {
    for (const key of await readdir(this.#basePath()))
      for (const owner of (await readdir(this.#basePath(key, 'pins')).catch(ignoreNotFound)) ?? [])
        if (!(await ownerExists(owner))) await rm(this.#basePath(key, 'pins', owner), { force: true })
  }

  /**
   * Makes a base from a directory that contains the files disk and record.json. Pins the base for `owner`, so that it
   * is not evicted at once.
   */
  async publish(key: string, directory: string, owner: string): Promise<void> {
    await mkdir(join(directory, 'pins'), { recursive: true })
    await writeFile(join(directory, 'pins', owner), '')
    for (const name of ['disk', 'record.json', join('pins', owner), 'pins', '']) await syncToDisk(join(directory, name))
    await rename(directory, this.#basePath(key)).catch((error: unknown) => {
      // Another process has published the same content.
      if (errorCodeOf(error) !== 'ENOTEMPTY' && errorCodeOf(error) !== 'EEXIST') throw error
    })
    await syncToDisk(this.#basePath())
  }

  /**
   * Returns the keys of the removed bases.
   * @param now milliseconds since 1970
   */
  async evict(limits: CacheLimits, now: number): Promise<string[]> {
    const { bavail, bsize } = await statfs(this.#root)
    const evicted: string[] = []
    for (const key of selectBasesToEvict(await this.#listBases(), limits, bavail * bsize, now))
      if (await this.#remove(key)) evicted.push(key)
    await this.#removeStaleDownloads(Math.min(limits.maxAge, MAX_WORK_AGE_MS), now)
    return evicted
  }

  async #listBases(): Promise<CachedBase[]> {
    const keys = await readdir(this.#basePath())
    const bases = await Promise.all(keys.map((key) => this.#describeBase(key)))
    return bases.filter((base) => base !== undefined)
  }

  async #describeBase(key: string): Promise<CachedBase | undefined> {
    try {
      const [directory, disk] = await Promise.all([stat(this.#basePath(key)), stat(this.#basePath(key, 'disk'))])
      const pinned = (await readdir(this.#basePath(key, 'pins'))).length > 0
      return { key, bytes: disk.blocks * 512, lastUsed: directory.mtimeMs, pinned }
    } catch (error) {
      return ignoreNotFound(error)
    }
  }

  /** Returns false if the base has been pinned or is already gone. */
  async #remove(key: string): Promise<boolean> {
    const name = `${key}.${randomBytes(6).toString('hex')}`
    const isInTrash = await rename(this.#basePath(key), join(this.#root, 'trash', name)).then(
      () => true,
      ignoreNotFound,
    )
    return isInTrash === true && this.#finishRemoval(name)
  }

  async #finishRemoval(name: string): Promise<boolean> {
    const path = join(this.#root, 'trash', name)
    const key = name.slice(0, name.lastIndexOf('.'))
    const pins = (await readdir(join(path, 'pins')).catch(ignoreNotFound)) ?? []
    if (pins.length > 0 && !(await pathExists(this.#basePath(key)))) {
      await rename(path, this.#basePath(key))
      return false
    }
    // Without record.json the directory is no base. So after a crash nobody uses the partly deleted base, even if an
    // operator moves it back from the trash.
    await rm(join(path, 'record.json'), { force: true })
    await rm(path, { recursive: true, force: true })
    return true
  }

  /** @param maxAge milliseconds since the last change of a download's files */
  async #removeStaleDownloads(maxAge: number, now: number): Promise<void> {
    for (const key of await readdir(join(this.#root, 'work'))) {
      const directory = this.workDirectoryOf(key)
      const names = (await readdir(directory).catch(ignoreNotFound)) ?? []
      const paths = [directory, ...names.map((name) => join(directory, name))]
      const stats = await Promise.all(paths.map((path) => stat(path).catch(ignoreNotFound)))
      const lastChange = Math.max(0, ...stats.map((file) => file?.mtimeMs ?? 0))
      if (now - lastChange > maxAge) await rm(directory, { recursive: true, force: true })
    }
  }

  #basePath(...path: string[]): string {
    return join(this.#root, 'bases', ...path)
  }
}
