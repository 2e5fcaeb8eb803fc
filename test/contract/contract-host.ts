/**
 * A host for the contract suites, with methods that cause faults on it and look at it without the agent. The suites run
 * on a fake, a simulated and a real host.
 */
import type { Guest, Host, Progress, StepContext } from '../../actions/host/index.ts'
import type { Flavor, Server } from '../../crds/index.ts'
import { waitUntil } from '../rig/wait-until.ts'

export interface ContractHost {
  /** The agent's interface to the host. After {@link restartAgent} it is a new object, as for a new agent process. */
  readonly host: Host
  newGuest(options?: GuestOptions): Guest
  restartAgent(): Promise<void>
  restartLibvirtd(): Promise<void>
  powerCycle(): Promise<void>
  waitForBoot(guest: Guest): Promise<void>
  killQemu(guest: Guest): Promise<void>
  /**
   * Starts a domain that the agent did not make, with the UUID of the guest. `owner`: the Server that its metadata
   * names; undefined: none.
   */
  startForeignDomain(guest: Guest, owner: Owner | undefined): Promise<void>
  /** The state of the domain with the UUID of the guest, whether or not the Server owns it. */
  rawState(guest: Guest): Promise<'missing' | 'off' | 'running' | 'paused'>
  /** Identifies the QEMU process; undefined: the domain does not run. */
  qemuOf(guest: Guest): Promise<unknown>
  /** Removes the disks, as if their file system were not mounted. */
  loseDisks(guest: Guest): Promise<void>
  /** A value that changes whenever the disks are created anew; undefined: there are no disks. */
  diskIdentity(guest: Guest): Promise<unknown>
  rescueDiskIdentity(guest: Guest): Promise<unknown>
  /** The disks of the running domain in their order, without the ephemeral and the swap disk. */
  disksOfDomain(guest: Guest): Promise<('root disk' | 'rescue disk')[]>
  /** The bytes of the config drive as text; undefined: there is no config drive. */
  configDrive(guest: Guest): Promise<string | undefined>
  sendUserData(guest: Guest, userData: string): Promise<void>
  /** Deletes the HostSecret of the guest's Server. */
  withdrawUserData(guest: Guest): Promise<void>
  /** Whether the host has the packet filters of the guest's network interface. */
  hasPorts(guest: Guest): Promise<boolean>
  sealPassword(guest: Guest, requestId: string): Promise<string>
  cachedImageCount(): Promise<number>
  /** Removes all guests and all foreign domains from the host. Called after each test. */
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
  /**
   * true: the image has an operating system that powers off on request. Default: an empty disk, which ignores requests.
   */
  hasSystem?: boolean
  /** Guests with the same name share an image. The source of the image `gone` does not exist. */
  image?: string
  launchedAt?: string
  hasSecretUserData?: boolean
}

export const ctx: StepContext = { signal: new AbortController().signal }

/** Repeats the call until its Progress is done. Throws the call's error. */
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

/** Does what a boot action does before it starts the domain. */
export async function prepareAndDefine({ host }: ContractHost, guest: Guest, bootId: string): Promise<void> {
  await waitUntilDone(() => host.images.fetch(guest, ctx), 'image')
  await waitUntilDone(() => host.disks.create(guest, ctx), 'disks')
  await host.configDrives.write(guest, ctx)
  await host.ports.plug(guest, ctx)
  await host.domains.define(guest, bootId, ctx)
}

export async function removeGuest({ host }: ContractHost, guest: Guest): Promise<void> {
  await host.domains.destroy(guest, ctx)
  await host.domains.undefine(guest, ctx)
  await host.ports.unplug(guest, ctx)
  await host.disks.delete(guest, ctx)
}
