import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { rejectOnAbort } from '../../kube/abort.ts'
import { Converger } from './converger.ts'
import { validateInterface } from './desired.ts'
import { type GuestStore, openGuestStore } from './guest-store.ts'
import { networkKey, toPluggedInterface } from './names.ts'
import { createProgramRunner, type RunProgram } from './run.ts'
import type { HostedGuest, Observed, PluggedInterface } from './types.ts'

export interface HostNetworkOptions {
  /** Absolute path of a folder that outlives the agent and that dnsmasq's unprivileged user can enter. */
  readonly stateDir: string
  /** Name of this host, for messages. */
  readonly host: string
  readonly runProgram?: RunProgram
}

export interface CallContext {
  readonly signal: AbortSignal
}

/**
 * Every method may be called again, also after a crash of the agent. Invalid input throws a Terminal error (not
 * retried); all other errors are Transient (retried).
 */
export interface HostNetwork extends AsyncDisposable {
  /**
   * Sets up the guest's interfaces before its domain starts or arrives by migration. Unplugs the interfaces that the
   * guest no longer has.
   * @throws a Transient error (retried) with a code of obstacles.ts, such as BridgeMissing, if the host does not allow
   * the setup
   * @throws a Terminal error (not retried) with the code InvalidInterface if an interface is invalid
   */
  plug(guest: HostedGuest, ctx: CallContext): Promise<PluggedInterface[]>
  /**
   * Removes what only this guest needs of the host's network. Called when the guest's domain is off or has migrated
   * away.
   */
  unplug(guestId: string, ctx: CallContext): Promise<void>
  /**
   * Plugs exactly these guests and removes everything else that the agent has set up. Called at the agent's start and
   * at intervals, because other programs may change the host's network. Resolves to the errors by guest id.
   * @param guests all guests of this host, read just before the call
   * @param ctx `leaveUntouched`: ids of guests that stay plugged even if `guests` lacks them, because the creation or
   * deletion of their Server is under way
   */
  sync(
    guests: readonly HostedGuest[],
    ctx: CallContext & { readonly leaveUntouched?: ReadonlySet<string> },
  ): Promise<ReadonlyMap<string, unknown>>
  observe(ctx: CallContext): Promise<Observed>
  /** Aborts a change that is under way. Bridges, rules and DHCP servers stay. */
  close(): Promise<void>
}

/**
 * Reads the plugged guests from `stateDir`. Does not change the host's network yet.
 * @throws the file system's error if stateDir cannot be used
 */
export function createHostNetwork({
  stateDir,
  host,
  runProgram = createProgramRunner(),
}: HostNetworkOptions): HostNetwork {
  const root = join(stateDir, 'dhcp')
  mkdirSync(root, { recursive: true, mode: 0o755 })
  const store = openGuestStore(join(stateDir, 'guests'))
  const converger = new Converger({ runProgram, root, host, guests: store.all })
  return {
    async plug(guest, { signal }) {
      for (const nic of guest.interfaces) validateInterface(nic)
      const keys = networkKeysOf(store.get(guest.id)).union(networkKeysOf(guest))
      store.put(guest)
      throwFirstFailure(await rejectOnAbort(converger.converge(keys), signal), keys)
      return guest.interfaces.map(toPluggedInterface)
    },
    async unplug(guestId, { signal }) {
      store.remove(guestId)
      const failed = await rejectOnAbort(converger.converge(new Set()), signal)
      // The errors of a network in use are reported when the guests that use it are plugged or synced.
      const inUse = new Set(store.all().flatMap((guest) => [...networkKeysOf(guest)]))
      throwFirstFailure(failed, new Set(failed.keys()).difference(inUse))
    },
    async sync(guests, { signal, leaveUntouched = new Set() }) {
      const invalid = replaceGuests(store, guests, leaveUntouched)
      const failed = await rejectOnAbort(converger.converge('all'), signal)
      return new Map([...invalid, ...failuresByGuest(store.all(), failed)])
    },
    observe: ({ signal }) => rejectOnAbort(converger.observe(), signal),
    close: () => converger.close(),
    [Symbol.asyncDispose]: () => converger.close(),
  }
}

/**
 * Keeps a stored guest if its id is in `leaveUntouched` or its new version is invalid. Returns the errors of the
 * invalid guests by guest id.
 */
function replaceGuests(
  store: GuestStore,
  guests: readonly HostedGuest[],
  leaveUntouched: ReadonlySet<string>,
): Map<string, unknown> {
  const invalid = new Map<string, unknown>()
  const known = leaveUntouched.union(new Set(guests.map(({ id }) => id)))
  for (const { id } of store.all()) if (!known.has(id)) store.remove(id)
  for (const guest of guests) {
    const error = validationErrorOf(guest)
    if (error !== undefined) invalid.set(guest.id, error)
    else store.putIfChanged(guest)
  }
  return invalid
}

const networkKeysOf = (guest: HostedGuest | undefined): Set<string> =>
  new Set(guest?.interfaces.map((nic) => networkKey(nic.networkId)))

function validationErrorOf(guest: HostedGuest): unknown {
  try {
    for (const nic of guest.interfaces) validateInterface(nic)
    return undefined
  } catch (error) {
    return error
  }
}

function failuresByGuest(guests: readonly HostedGuest[], failed: ReadonlyMap<string, unknown>): [string, unknown][] {
  return guests.flatMap((guest): [string, unknown][] => {
    const key = [...networkKeysOf(guest)].find((k) => failed.has(k))
    return key === undefined ? [] : [[guest.id, failed.get(key)]]
  })
}

function throwFirstFailure(failed: ReadonlyMap<string, unknown>, keys: ReadonlySet<string>): void {
  for (const key of keys) if (failed.has(key)) throw failed.get(key)
}
