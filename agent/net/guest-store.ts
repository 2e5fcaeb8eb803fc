/**
 * Stores on disk each guest (VM) with the interfaces that the agent set up for it last (HostNetwork.plug). So a
 * restarted agent still knows the guests that were plugged before.
 */
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Terminal } from '../../crds/errors.ts'
import type { HostedGuest } from './types.ts'

export interface GuestStore {
  /** Returns all guests; the guest that was put last comes last. */
  readonly all: () => readonly HostedGuest[]
  readonly get: (id: string) => HostedGuest | undefined
  /**
   * Stores the guest and moves it to the end of `all`. If guests have different copies of a Network's settings, the
   * copy of the last guest counts.
   */
  readonly put: (guest: HostedGuest) => void
  /** Like `put`, but a guest that is stored unchanged keeps its place in `all`. */
  readonly putIfChanged: (guest: HostedGuest) => void
  readonly remove: (id: string) => void
}

/**
 * Opens the store in a folder, which it creates if needed. Reads and writes files synchronously: a file has a few
 * hundred bytes, and so two writes of one guest cannot overlap.
 */
export function openGuestStore(folder: string): GuestStore {
  mkdirSync(folder, { recursive: true })
  const guests = loadGuests(folder)
  const path = (id: string) => join(folder, `${validateGuestId(id)}.json`)
  const isUnchanged = (guest: HostedGuest): boolean => JSON.stringify(guests.get(guest.id)) === JSON.stringify(guest)
  const put = (guest: HostedGuest): void => {
    const wasUnchanged = isUnchanged(guest)
    // A Map keeps the place of a key that it already has. So delete the guest first to move it to the end.
    guests.delete(guest.id)
    guests.set(guest.id, guest)
    if (wasUnchanged) return
    writeFileSync(`${path(guest.id)}.new`, JSON.stringify(guest))
    renameSync(`${path(guest.id)}.new`, path(guest.id))
  }
  return {
    all: () => [...guests.values()],
    get: (id) => guests.get(id),
    put,
    putIfChanged(guest) {
      if (!isUnchanged(guest)) put(guest)
    },
    remove(id) {
      rmSync(path(id), { force: true })
      guests.delete(id)
    },
  }
}

/**
 * Reads all stored guests. Deletes files that are cut short: only a power failure leaves such files, and after it the
 * network devices are gone, too. The next `HostNetwork.sync` stores the guests of the deleted files again.
 */
function loadGuests(folder: string): Map<string, HostedGuest> {
  const files = readdirSync(folder).map((name) => join(folder, name))
  const dated = files.map((file) => ({ file, at: statSync(file).mtimeMs })).sort((a, b) => a.at - b.at)
  const guests = new Map<string, HostedGuest>()
  for (const { file } of dated) {
    const guest = file.endsWith('.json') ? readGuest(file) : undefined
    if (guest) guests.set(guest.id, guest)
    else rmSync(file, { force: true })
  }
  return guests
}

function readGuest(file: string): HostedGuest | undefined {
  try {
    return JSON.parse(readFileSync(file, 'utf8'))
  } catch {
    return undefined
  }
}

/**
 * Returns the id if it has only letters, digits and hyphens; it becomes a file name and must not lead out of the
 * folder.
 * @throws a Terminal error (not retried) with the code InvalidGuest for any other id
 */
function validateGuestId(id: string): string {
  if (!/^[A-Za-z0-9-]{1,64}$/.test(id)) throw new Terminal('InvalidGuest', `${id} is not the id of a server`)
  return id
}
