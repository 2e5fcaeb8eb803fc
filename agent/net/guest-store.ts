/** What each guest of this host was last plugged with, on disk, so that one plug after a restart does not forget the others. */
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Terminal } from '../../crds/errors.ts'
import type { HostedGuest } from './types.ts'

export interface GuestStore {
  /** In the order in which they were last written. */
  readonly all: () => readonly HostedGuest[]
  readonly get: (id: string) => HostedGuest | undefined
  /** It becomes the last, which decides for its network. */
  readonly put: (guest: HostedGuest) => void
  /** As put; but one that is as it was keeps its place. */
  readonly keep: (guest: HostedGuest) => void
  readonly remove: (id: string) => void
}

/** Synchronous: a few hundred bytes, and so no two writers of one guest meet. */
export function openGuestStore(folder: string): GuestStore {
  mkdirSync(folder, { recursive: true })
  const guests = load(folder)
  const path = (id: string) => join(folder, `${checkId(id)}.json`)
  const isKnown = (guest: HostedGuest): boolean => JSON.stringify(guests.get(guest.id)) === JSON.stringify(guest)
  const put = (guest: HostedGuest): void => {
    const wasKnown = isKnown(guest)
    // Deleted first, so that it becomes the last.
    guests.delete(guest.id)
    guests.set(guest.id, guest)
    if (wasKnown) return
    writeFileSync(`${path(guest.id)}.new`, JSON.stringify(guest))
    renameSync(`${path(guest.id)}.new`, path(guest.id))
  }
  return {
    all: () => [...guests.values()],
    get: (id) => guests.get(id),
    put,
    keep(guest) {
      if (!isKnown(guest)) put(guest)
    },
    remove(id) {
      rmSync(path(id), { force: true })
      guests.delete(id)
    },
  }
}

/** A file that is cut short (a power failure: the devices are gone too) is dropped; sync() brings its guest back. */
function load(folder: string): Map<string, HostedGuest> {
  const files = readdirSync(folder).map((name) => join(folder, name))
  const dated = files.map((file) => ({ file, at: statSync(file).mtimeMs })).sort((a, b) => a.at - b.at)
  const guests = new Map<string, HostedGuest>()
  for (const { file } of dated) {
    const guest = file.endsWith('.json') ? parse(file) : undefined
    if (guest) guests.set(guest.id, guest)
    else rmSync(file, { force: true })
  }
  return guests
}

function parse(file: string): HostedGuest | undefined {
  try {
    return JSON.parse(readFileSync(file, 'utf8'))
  } catch {
    return undefined
  }
}

/** The id becomes a file name. */
function checkId(id: string): string {
  if (!/^[A-Za-z0-9-]{1,64}$/.test(id)) throw new Terminal('InvalidGuest', `Not an id of a server: ${id}`)
  return id
}
