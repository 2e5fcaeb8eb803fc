/** A host that the contract suites run on, and what can happen to it besides the agent's own calls. */
import type { Guest, Host, Progress, StepContext } from '../../actions/host/index.ts'
import type { Flavor, Server } from '../../crds/index.ts'
import { waitUntil } from '../rig/wait-until.ts'

export interface ContractHost {
  /** The capabilities as the agent's process has them; others after {@link restartAgent}. */
  readonly host: Host
  /** A newly placed Server of which nothing is on the host yet. */
  newGuest(options?: GuestOptions): Guest
  /** The agent dies and another is started: what only its memory held is lost. */
  restartAgent(): Promise<void>
  restartLibvirtd(): Promise<void>
  /** The host loses power and boots again; libvirtd is up. */
  powerCycle(): Promise<void>
  /** Waits until the guest's system is up and reacts to the power button. */
  waitForBoot(guest: Guest): Promise<void>
  /** QEMU dies, as by kill -9. */
  killQemu(guest: Guest): Promise<void>
  /** Someone defines and starts a domain with the guest's UUID. `owner`: the Server that its metadata names; undefined: none. */
  startForeignDomain(guest: Guest, owner: Owner | undefined): Promise<void>
  /** The state of whatever domain has the guest's UUID, whoever owns it. */
  rawState(guest: Guest): Promise<'missing' | 'off' | 'running' | 'paused'>
  /** Identifies the process that the domain runs in; undefined: it does not run. */
  qemuOf(guest: Guest): Promise<unknown>
  /** The disks are lost, as if their file system were not mounted. */
  loseDisks(guest: Guest): Promise<void>
  /** Changes when a disk is made anew; undefined: there is none. */
  diskIdentity(guest: Guest): Promise<unknown>
  /** Bytes of the config drive as text; undefined: there is none. */
  configDrive(guest: Guest): Promise<string | undefined>
  /** Whether the packet filters of the guest's interface are there. */
  hasPorts(guest: Guest): Promise<boolean>
  /** A password that is sealed for this host, this guest and this request. */
  sealPassword(guest: Guest, requestId: string): Promise<string>
  /** How many images are in the cache. */
  cachedImages(): Promise<number>
  /** Removes everything of all guests, and all domains that others made. */
  reset(): Promise<void>
}

export interface Owner {
  namespace: string
  name: string
  uid: string
}

export interface GuestOptions {
  spec?: Partial<Server['spec']>
  flavor?: Partial<Flavor['spec']>
  /** An image with an operating system, which powers off when asked. Default: an empty disk, which ignores requests. */
  hasSystem?: boolean
  /** Names the image: guests with the same name have the same one. 'gone': its source does not exist. Default: one for all. */
  image?: string
  launchedAt?: string
}

export const ctx: StepContext = { signal: new AbortController().signal }

/** Calls a method that answers how far it is until it is done. */
export async function finish(call: () => Promise<Progress>, what: string): Promise<void> {
  let failure: { error: unknown } | undefined
  const isDone = async (): Promise<boolean> => {
    try {
      return (await call()).done
    } catch (error) {
      failure = { error }
      return true
    }
  }
  await waitUntil(isDone, { what, deadline: 60_000, every: 5 })
  if (failure) throw failure.error
}

/** What every boot does before it starts the domain. */
export async function prepareAndDefine({ host }: ContractHost, guest: Guest, bootId: string): Promise<void> {
  await finish(() => host.images.fetch(guest, ctx), 'image')
  await finish(() => host.disks.create(guest, ctx), 'disks')
  await host.configDrives.write(guest, ctx)
  await host.ports.plug(guest, ctx)
  await host.domains.define(guest, bootId, ctx)
}

/** What the deletion of a Server does. */
export async function removeGuest({ host }: ContractHost, guest: Guest): Promise<void> {
  await host.domains.destroy(guest, ctx)
  await host.domains.undefine(guest, ctx)
  await host.ports.unplug(guest, ctx)
  await host.disks.delete(guest, ctx)
}
