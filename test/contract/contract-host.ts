/** A host that the contract suites run on, and the events that can befall it besides the calls of the agent. */
import type { Guest, Host, Progress, StepContext } from '../../actions/host/index.ts'
import type { Flavor, Server } from '../../crds/index.ts'
import { waitUntil } from '../rig/wait-until.ts'

export interface ContractHost {
  /** The capabilities of the running agent process; {@link restartAgent} replaces them. */
  readonly host: Host
  /** Makes a Server that is placed here, and of which nothing is on the host yet. */
  newGuest(options?: GuestOptions): Guest
  /** Kills the agent and starts another one: everything that stood only in the memory of the agent is lost. */
  restartAgent(): Promise<void>
  restartLibvirtd(): Promise<void>
  /** The host loses power and boots again; libvirtd is up. */
  powerCycle(): Promise<void>
  /** Waits until the guest's system is up and reacts to the power button. */
  waitForBoot(guest: Guest): Promise<void>
  /** Ends the QEMU of the guest as kill -9 does. */
  killQemu(guest: Guest): Promise<void>
  /**
   * Defines and starts a domain that has the UUID of the guest and was not made by the agent. `owner` is the Server
   * that the metadata of the domain names; undefined: the metadata names none.
   */
  startForeignDomain(guest: Guest, owner: Owner | undefined): Promise<void>
  /** The state of the domain with the UUID of the guest, whether or not the Server owns it. */
  rawState(guest: Guest): Promise<'missing' | 'off' | 'running' | 'paused'>
  /** Identifies the QEMU process of the domain; undefined: the domain does not run. */
  qemuOf(guest: Guest): Promise<unknown>
  /** Loses the disks, as if their file system were not mounted. */
  loseDisks(guest: Guest): Promise<void>
  /** A value that changes when the disks are made anew; undefined: there are no disks. */
  diskIdentity(guest: Guest): Promise<unknown>
  /** Changes when a rescue disk is made anew; undefined: there is none. */
  rescueDiskIdentity(guest: Guest): Promise<unknown>
  /** The disks of the running domain in their order, without ephemeral and swap. */
  disksOfDomain(guest: Guest): Promise<('root disk' | 'rescue disk')[]>
  /** Bytes of the config drive as text; undefined: there is none. */
  configDrive(guest: Guest): Promise<string | undefined>
  /** Whether the host has the packet filters of the guest's interface. */
  hasPorts(guest: Guest): Promise<boolean>
  /** A password that is sealed for this host, this guest and this request. */
  sealPassword(guest: Guest, requestId: string): Promise<string>
  /** How many images are in the cache. */
  cachedImageCount(): Promise<number>
  /** Removes everything of all guests, and all foreign domains. */
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
  /** true: an image whose operating system powers off when asked. Default: an empty disk, which ignores requests. */
  hasSystem?: boolean
  /** Name of the image: guests with the same name share an image. The source of the image `gone` does not exist. */
  image?: string
  launchedAt?: string
}

export const ctx: StepContext = { signal: new AbortController().signal }

/** Repeats a call that returns its progress until it reports that it is done. Rethrows the error of the call. */
export async function waitUntilDone(call: () => Promise<Progress>, what: string): Promise<void> {
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

/** Does everything that a boot action does before it starts the domain. */
export async function prepareAndDefine({ host }: ContractHost, guest: Guest, bootId: string): Promise<void> {
  await waitUntilDone(() => host.images.fetch(guest, ctx), 'image')
  await waitUntilDone(() => host.disks.create(guest, ctx), 'disks')
  await host.configDrives.write(guest, ctx)
  await host.ports.plug(guest, ctx)
  await host.domains.define(guest, bootId, ctx)
}

/** Does everything that the deletion of a Server does on its host. */
export async function removeGuest({ host }: ContractHost, guest: Guest): Promise<void> {
  await host.domains.destroy(guest, ctx)
  await host.domains.undefine(guest, ctx)
  await host.ports.unplug(guest, ctx)
  await host.disks.delete(guest, ctx)
}
