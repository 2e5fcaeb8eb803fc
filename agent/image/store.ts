/**
 * The cache's folder and its rules:
 *   bases/<key>/{disk,record.json}   a base that is ready; the folder is renamed into place as a whole
 *   bases/<key>/pins/<owner>         a server whose disk may be backed by it
 *   work/<key and source>/…          what is being fetched or converted
 *   locks/<key and source>           flock: one process at a time works on it
 *   trash/…                          what is being removed
 * A base is removed by renaming it to trash/ and looking at its pins again: who pins looks, after it, whether the base is there.
 * So of a pin and a removal at the same time one wins, in whatever processes they are.
 */
import { randomBytes } from 'node:crypto'
import { mkdir, readdir, readFile, rename, rm, stat, statfs, utimes, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { absent, codeOf, exists, sync } from './files.ts'
import { type CleanLimits, type Entry, victims } from './lru.ts'

/** record.json: what a base is, and of what it was made. */
export interface Record {
  format: 'qcow2' | 'raw'
  virtualSize: number
  source: { format: string; url: string; checksum?: string }
  created: string
}

export interface Base {
  key: string
  path: string
  format: 'qcow2' | 'raw'
  /** Bytes of the disk. */
  virtualSize: number
}

/** Half an image that nobody went on with for so long takes no room any more: its server is on another host by then, or given up. */
const WORK_MS = 86_400_000

export class Store {
  readonly #root: string

  constructor(root: string) {
    this.#root = root
  }

  /** Makes the folders and finishes removals that a crash interrupted. What is in work/ stays: it is gone on with. */
  async open(): Promise<void> {
    for (const name of ['bases', 'work', 'locks', 'trash'])
      await mkdir(join(this.#root, name), { recursive: true, mode: 0o755 })
    for (const name of await readdir(join(this.#root, 'trash'))) await this.#finishRemoval(name)
  }

  workFolder(key: string): string {
    return join(this.#root, 'work', key)
  }

  lockPath(key: string): string {
    return join(this.#root, 'locks', key)
  }

  async record(key: string): Promise<Record | undefined> {
    const text = await readFile(this.#base(key, 'record.json'), 'utf8').catch(absent)
    return text === undefined ? undefined : (JSON.parse(text) as Record)
  }

  /** Pins the base for `owner`, and marks it as used now if it was not pinned before; undefined: there is no such base. */
  async pin(key: string, owner: string): Promise<(Base & { record: Record }) | undefined> {
    const pin = this.#base(key, 'pins', owner)
    try {
      if (!(await exists(pin))) await this.#writePin(key, pin)
    } catch (error) {
      return absent(error)
    }
    const record = await this.record(key)
    if (record === undefined) return undefined
    const { format, virtualSize } = record
    return { key, path: this.#base(key, 'disk'), format, virtualSize, record }
  }

  async #writePin(key: string, pin: string): Promise<void> {
    await writeFile(pin, '', { flush: true })
    await sync(this.#base(key, 'pins'))
    const now = new Date()
    await utimes(this.#base(key), now, now)
  }

  /** The owner has no disk any more that could be backed by a base. */
  async unpin(owner: string): Promise<void> {
    for (const key of await readdir(this.#base())) await rm(this.#base(key, 'pins', owner), { force: true })
  }

  /** Pins of owners that there are not. */
  async dropPins(isThere: (owner: string) => Promise<boolean>): Promise<void> {
    for (const key of await readdir(this.#base()))
      for (const owner of (await readdir(this.#base(key, 'pins')).catch(absent)) ?? [])
        if (!(await isThere(owner))) await rm(this.#base(key, 'pins', owner), { force: true })
  }

  /** A folder with disk and record.json becomes the base of that key, with a pin: it shall not be cleaned at once. */
  async publish(key: string, folder: string, owner: string): Promise<void> {
    await mkdir(join(folder, 'pins'), { recursive: true })
    await writeFile(join(folder, 'pins', owner), '')
    for (const name of ['disk', 'record.json', join('pins', owner), 'pins', '']) await sync(join(folder, name))
    await rename(folder, this.#base(key)).catch((error: unknown) => {
      // Somebody was first, with the same content: the key says so.
      if (codeOf(error) !== 'ENOTEMPTY' && codeOf(error) !== 'EEXIST') throw error
    })
    await sync(this.#base())
  }

  async #entries(): Promise<Entry[]> {
    const keys = await readdir(this.#base())
    const all = await Promise.all(keys.map((key) => this.#entry(key)))
    return all.filter((e) => e !== undefined)
  }

  /** Removes what the limits ask for, and returns the keys of it. `now` in milliseconds. */
  async clean(limits: CleanLimits, now: number): Promise<string[]> {
    const { bavail, bsize } = await statfs(this.#root)
    const gone: string[] = []
    for (const key of victims(await this.#entries(), limits, bavail * bsize, now))
      if (await this.#remove(key)) gone.push(key)
    await this.#cleanWork(Math.min(limits.maxAge, WORK_MS), now)
    return gone
  }

  async #entry(key: string): Promise<Entry | undefined> {
    try {
      const [folder, disk] = await Promise.all([stat(this.#base(key)), stat(this.#base(key, 'disk'))])
      const pinned = (await readdir(this.#base(key, 'pins'))).length > 0
      return { key, bytes: disk.blocks * 512, lastUsed: folder.mtimeMs, pinned }
    } catch (error) {
      return absent(error)
    }
  }

  /** False: it was pinned in the meantime, or is gone. */
  async #remove(key: string): Promise<boolean> {
    const name = `${key}.${randomBytes(6).toString('hex')}`
    const moved = await rename(this.#base(key), join(this.#root, 'trash', name)).then(() => true, absent)
    return moved === true && this.#finishRemoval(name)
  }

  /** Removes what is in the trash, or puts it back if it has a pin. */
  async #finishRemoval(name: string): Promise<boolean> {
    const path = join(this.#root, 'trash', name)
    const key = name.slice(0, name.lastIndexOf('.'))
    const pins = (await readdir(join(path, 'pins')).catch(absent)) ?? []
    if (pins.length > 0 && !(await exists(this.#base(key)))) {
      await rename(path, this.#base(key))
      return false
    }
    // record.json first: half of a base must not look like one, should it be put back by hand.
    await rm(join(path, 'record.json'), { force: true })
    await rm(path, { recursive: true, force: true })
    return true
  }

  /** Downloads that nobody went on with: no file in the folder has changed for so long. */
  async #cleanWork(maxAge: number, now: number): Promise<void> {
    for (const key of await readdir(join(this.#root, 'work'))) {
      const folder = this.workFolder(key)
      const names = (await readdir(folder).catch(absent)) ?? []
      const infos = await Promise.all([folder, ...names.map((n) => join(folder, n))].map((p) => stat(p).catch(absent)))
      const last = Math.max(0, ...infos.map((i) => i?.mtimeMs ?? 0))
      if (now - last > maxAge) await rm(folder, { recursive: true, force: true })
    }
  }

  #base(...path: string[]): string {
    return join(this.#root, 'bases', ...path)
  }
}
