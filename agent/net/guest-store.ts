/**
 * Stores each guest (VM) with the interfaces that HostNetwork.plug last set up for it, so that a restarted agent knows
 * them.
 */
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Terminal } from '../../crds/errors.ts'
import type { HostedGuest } from './types.ts'

export interface GuestStore {
  /** Returns all guests in the order in which they were put. */
  readonly all: () => readonly HostedGuest[]
  readonly get: (id: string) => HostedGuest | undefined
  /**
   * Stores the guest and makes it the last of `all`. If guests have different copies of a Network's settings, the last
   * guest's copy counts.
   */
  readonly put: (guest: HostedGuest) => void
  readonly putIfChanged: (guest: HostedGuest) => void
  readonly remove: (id: string) => void
}

/**
 * Creates the folder if needed. File access is synchronous, so that two writes of one guest cannot overlap; the files
 * are small.
 */
export function openGuestStore(folder: string): GuestStore {
  mkdirSync(folder, { recursive: true })
  const guests = loadGuests(folder)
  const path = (id: string) => join(folder, `${validateGuestId(id)}.json`)
  const isUnchanged = (guest: HostedGuest): boolean => JSON.stringify(guests.get(guest.id)) === JSON.stringify(guest)
  const put = (guest: HostedGuest): void => {
    const wasUnchanged = isUnchanged(guest)
    // Delete first: a Map would keep the guest in its old place, but it must become the last.
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
 * Deletes incomplete files, which only a power failure leaves. The power failure has also removed the network devices,
 * and the next `HostNetwork.sync` stores and plugs the guest again.
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
 * A file name with other characters could lead out of the folder.
 * @throws a Terminal error (not retried) with the code InvalidGuest for an id with other characters than letters,
 * digits and hyphens
 */
function validateGuestId(id: string): string {
  if (!/^[A-Za-z0-9-]{1,64}$/.test(id)) throw new Terminal('InvalidGuest', `${id} is not the id of a server`)
  return id
}
