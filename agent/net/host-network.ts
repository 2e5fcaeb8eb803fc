/** The host's network for its servers: every call writes down what is wanted, and then makes it so. */
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { Terminal } from '../../crds/errors.ts'
import { rejectOnAbort } from '../../kube/abort.ts'
import { Converger } from './converger.ts'
import { checkInterface } from './desired.ts'
import { type GuestStore, openGuestStore } from './guest-store.ts'
import { networkKey, plugged } from './names.ts'
import { createRun, type Run } from './run.ts'
import type { HostedGuest, Observed, PluggedInterface } from './types.ts'

export interface HostNetworkOptions {
  /** A folder of our own that outlives the agent, by an absolute path; dnsmasq's unprivileged user must be able to enter it. */
  readonly stateDir: string
  /** Name of this host, for messages. */
  readonly host: string
  /** Default: in the agent's own network namespace. */
  readonly run?: Run
  /** Domain told to guests by DHCP; default: none. */
  readonly dhcpDomain?: string
}

export interface CallContext {
  readonly signal: AbortSignal
}

/** All may be repeated, also after a crash in the middle. Errors are Transient but for input that cannot be right (Terminal). */
export interface HostNetwork extends AsyncDisposable {
  /**
   * Bridges, DHCP and filters of the guest's interfaces are there, before its domain starts (and, for a migration, before it
   * arrives). Interfaces that it had at the last call and has no more are unplugged.
   * @throws Transient BridgeMissing and the others of obstacles.ts; Terminal InvalidInterface
   */
  plug(guest: HostedGuest, ctx: CallContext): Promise<PluggedInterface[]>
  /** To be called when its domain is off, or has left: what no other guest of this host needs is gone. */
  unplug(guestId: string, ctx: CallContext): Promise<void>
  /**
   * These are all guests of this host: each is plugged, all else of ours is removed. For the start, and now and then, since others
   * may change the host's network. Take the list just before the call. Those of `asTheyAre` are plugged and unplugged by somebody else
   * meanwhile, such as those in the making and those that are being deleted: neither is done to them. Resolves to what failed, by guest.
   */
  sync(
    guests: readonly HostedGuest[],
    ctx: CallContext & { readonly asTheyAre?: ReadonlySet<string> },
  ): Promise<ReadonlyMap<string, unknown>>
  observe(ctx: CallContext): Promise<Observed>
  /** Ends what runs. Guests notice nothing: bridges, rules and DHCP servers stay. */
  close(): Promise<void>
}

/** @throws the file system's errors if stateDir cannot be used */
export function createHostNetwork({ stateDir, host, run = createRun(), dhcpDomain }: HostNetworkOptions): HostNetwork {
  const root = join(stateDir, 'dhcp')
  mkdirSync(root, { recursive: true, mode: 0o755 })
  const store = openGuestStore(join(stateDir, 'guests'))
  const domain = dhcpDomain === undefined ? {} : { dhcpDomain: checkDomain(dhcpDomain) }
  const converger = new Converger({ run, root, host, guests: store.all, ...domain })
  return {
    async plug(guest, { signal }) {
      for (const nic of guest.interfaces) checkInterface(nic)
      const keys = keysOf(store.get(guest.id)).union(keysOf(guest))
      store.put(guest)
      throwFirst(await rejectOnAbort(converger.converge(keys), signal), keys)
      return guest.interfaces.map(plugged)
    },
    async unplug(guestId, { signal }) {
      store.remove(guestId)
      const failed = await rejectOnAbort(converger.converge(new Set()), signal)
      // What nobody needs must be gone, of this guest and of those before. A network that others need is theirs to wait for.
      const needed = new Set(store.all().flatMap((guest) => [...keysOf(guest)]))
      throwFirst(failed, new Set(failed.keys()).difference(needed))
    },
    async sync(guests, { signal, asTheyAre = new Set() }) {
      const invalid = replaceAll(store, guests, asTheyAre)
      const failed = await rejectOnAbort(converger.converge('all'), signal)
      return new Map([...invalid, ...failedGuests(store.all(), failed)])
    },
    observe: ({ signal }) => rejectOnAbort(converger.look(), signal),
    close: () => converger.close(),
    [Symbol.asyncDispose]: () => converger.close(),
  }
}

/** Those whose input is wrong stay as they were. */
function replaceAll(
  store: GuestStore,
  guests: readonly HostedGuest[],
  asTheyAre: ReadonlySet<string>,
): Map<string, unknown> {
  const invalid = new Map<string, unknown>()
  const known = asTheyAre.union(new Set(guests.map(({ id }) => id)))
  for (const { id } of store.all()) if (!known.has(id)) store.remove(id)
  for (const guest of guests) {
    const error = wrongInput(guest)
    if (error !== undefined) invalid.set(guest.id, error)
    else store.keep(guest)
  }
  return invalid
}

/** It becomes a line of dnsmasq's. */
function checkDomain(domain: string): string {
  if (!/^[A-Za-z0-9]([A-Za-z0-9.-]{0,251}[A-Za-z0-9])?$/.test(domain))
    throw new Terminal('InvalidDomain', `Not a domain name: ${domain}`)
  return domain
}

const keysOf = (guest: HostedGuest | undefined): Set<string> =>
  new Set(guest?.interfaces.map((nic) => networkKey(nic.networkId)))

function wrongInput(guest: HostedGuest): unknown {
  try {
    for (const nic of guest.interfaces) checkInterface(nic)
    return undefined
  } catch (error) {
    return error
  }
}

function failedGuests(guests: readonly HostedGuest[], failed: ReadonlyMap<string, unknown>): [string, unknown][] {
  return guests.flatMap((guest): [string, unknown][] => {
    const key = [...keysOf(guest)].find((k) => failed.has(k))
    return key === undefined ? [] : [[guest.id, failed.get(key)]]
  })
}

function throwFirst(failed: ReadonlyMap<string, unknown>, keys: ReadonlySet<string>): void {
  for (const key of keys) if (failed.has(key)) throw failed.get(key)
}
