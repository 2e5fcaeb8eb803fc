/** The port Host on libvirt, the host's image cache and its network: each method a few calls, no decisions. */
import { chmod, mkdir, rm } from 'node:fs/promises'
import { dirname } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import type { Guest, StepContext } from '../../actions/host/index.ts'
import { createAbortScope } from '../../kube/abort.ts'
import { removeLogs } from '../console/rotate.ts'
import { buildDomain } from '../domain/build.ts'
import type { HostFacts } from '../domain/input.ts'
import type { Disks } from '../image/disks.ts'
import { exists } from '../image/files.ts'
import type { HostNetwork } from '../net/host-network.ts'
import type { LocalHost } from '../server/reconcile.ts'
import { domainInput, hostedGuest } from './domain-input.ts'
import type { Domains, ServerDomains } from './domains.ts'
import { domainName, type ServerPaths, serverPaths } from './paths.ts'

/** A server's files on this host: what agent/image offers. All repeatable. */
export interface Storage {
  fetchImage(guest: Guest, ctx: StepContext): Promise<void>
  createDisks(guest: Guest, paths: ServerPaths, ctx: StepContext): Promise<void>
  /** @throws Terminal where there are none */
  disks(paths: ServerPaths): Promise<Disks>
  writeConfigDrive(guest: Guest, paths: ServerPaths, ctx: StepContext): Promise<void>
  /** Everything of the server but its console log. */
  remove(uid: string, paths: ServerPaths): Promise<void>
}

export interface LibvirtHostOptions {
  dataDir: string
  runDir: string
  domains: Domains
  storage: Storage
  network: HostNetwork
  /** Known once libvirt was asked. */
  facts(): HostFacts
  /** Resolves when the domain's state may have changed, by an event of libvirt; see ServerEvents. */
  stateChange(uuid: string, signal: AbortSignal): Promise<void>
}

/** Between two looks at a domain that was asked to power off, should its event get lost. */
const LOOK_MS = 5000
/** A guest that still starts has nobody to hear it: it is asked again, as often as Nova does (SHUTDOWN_RETRY_INTERVAL). */
const ASK_AGAIN_MS = 10_000

export function createLibvirtHost(options: LibvirtHostOptions): LocalHost {
  const { dataDir, runDir, domains, storage, network, facts } = options
  const uidOf = ({ server }: Guest): string => server.metadata.uid ?? ''
  const paths = (guest: Guest): ServerPaths => serverPaths(dataDir, runDir, uidOf(guest))
  const mine = (guest: Guest): ServerDomains => domains.of(uidOf(guest))
  return {
    observe: (guest) => mine(guest).observe(guest.instance.uuid),
    isBegun: (guest) => exists(paths(guest).dir),
    place(guest) {
      const { consoleLog, vnc } = paths(guest)
      return {
        domain: domainName({ name: guest.server.metadata.name, uid: uidOf(guest) }),
        consoleLog,
        vnc: `unix:${vnc}`,
      }
    },
    images: { fetch: (guest, ctx) => storage.fetchImage(guest, ctx) },
    disks: {
      create: (guest, ctx) => storage.createDisks(guest, paths(guest), ctx),
      delete: (guest) => removeFiles(uidOf(guest), paths(guest), storage),
    },
    configDrives: {
      async write(guest, ctx) {
        if (guest.server.spec.configDrive) await storage.writeConfigDrive(guest, paths(guest), ctx)
      },
    },
    ports: {
      plug: async (guest, ctx) => void (await network.plug(hostedGuest(guest), ctx)),
      unplug: (guest, ctx) => network.unplug(uidOf(guest), ctx),
    },
    domains: {
      async define(guest, bootId) {
        const files = paths(guest)
        await prepareDirs(files)
        const disks = await storage.disks(files)
        await mine(guest).define(
          guest.instance.uuid,
          buildDomain(domainInput(guest, bootId, { host: facts(), paths: files, disks })),
        )
      },
      start: (guest, { signal }) => mine(guest).start(guest.instance.uuid, signal),
      shutdown: (guest, seconds, ctx) => shutdown(guest, seconds, ctx, mine(guest), options),
      destroy: (guest) => mine(guest).destroy(guest.instance.uuid),
      pause: (guest) => mine(guest).pause(guest.instance.uuid),
      unpause: (guest) => mine(guest).unpause(guest.instance.uuid),
      save: (guest, { signal }) => mine(guest).save(guest.instance.uuid, signal),
      undefine: (guest) => mine(guest).undefine(guest.instance.uuid),
      runningBootId: async (guest) => (await mine(guest).observe(guest.instance.uuid)).bootId,
    },
  }
}

/** QEMU may run as another user: it must be able to enter, not to list; and where its socket is to be it must make it, and nobody else's may it remove. */
async function prepareDirs({ dir, vnc }: ServerPaths): Promise<void> {
  for (const [path, mode] of [
    [dir, 0o711],
    [dirname(vnc), 0o1733],
  ] as const) {
    await mkdir(path, { recursive: true })
    await chmod(path, mode)
  }
}

/** All of a server's files. Used for servers that are deleted, and for those that are found to be gone. */
export async function removeFiles(uid: string, paths: ServerPaths, storage: Storage): Promise<void> {
  await storage.remove(uid, paths)
  await removeLogs(paths.consoleLog)
  await rm(paths.vnc, { force: true })
  await rm(paths.dir, { recursive: true, force: true })
}

async function shutdown(
  { instance }: Guest,
  seconds: number,
  { signal }: StepContext,
  domains: ServerDomains,
  { stateChange }: Pick<LibvirtHostOptions, 'stateChange'>,
): Promise<'off' | 'timeout'> {
  const isOff = async (): Promise<boolean> => {
    const { power } = await domains.observe(instance.uuid)
    return power === 'off' || power === 'missing' || power === 'crashed'
  }
  const end = performance.now() + seconds * 1000
  const asking = new Asking(() => domains.askToShutDown(instance.uuid), end)
  for (let answer = asking.again(); !(await isOff()); answer = asking.again()) {
    signal.throwIfAborted()
    const left = end - performance.now()
    if (left <= 0) return 'timeout'
    using either = createAbortScope([signal])
    const event = stateChange(instance.uuid, either.signal)
    const look = delay(Math.min(left, LOOK_MS), undefined, { signal: either.signal })
    await Promise.race([event, look, ...(answer ? [answer] : [])])
    either.abort()
  }
  return 'off'
}

/**
 * Asks a guest again and again. Nobody waits for the answer: a guest agent that ignores it, or a QEMU that hangs, keeps libvirt waiting for a
 * minute and more, and whatever it says, what counts is whether the guest is off when its time is over.
 */
class Asking {
  readonly #ask: () => Promise<void>
  readonly #end: number
  #asked = -Infinity
  #answer: Promise<void> | undefined

  /** @param end of asking, by performance.now() */
  constructor(ask: () => Promise<void>, end: number) {
    this.#ask = ask
    this.#end = end
  }

  /** Asks, if it is time to. Undefined: libvirt has answered; else it resolves when that has. */
  again(): Promise<void> | undefined {
    const now = performance.now()
    if (this.#answer || now >= this.#end || now - this.#asked < ASK_AGAIN_MS) return this.#answer
    this.#asked = now
    const over = (): void => {
      this.#answer = undefined
    }
    this.#answer = this.#ask().then(over, over)
    return this.#answer
  }
}
