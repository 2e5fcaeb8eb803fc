/**
 * A host on which the contract suites run, with methods that cause faults on it and look at it without the agent. A
 * contract suite tests one capability (a group of methods of `Host`) on a fake, a simulated and a real host.
 */
import type { Guest, Host, Progress, StepContext } from '../../actions/host/index.ts'
import type { Flavor, Server } from '../../crds/index.ts'
import { waitUntil } from '../rig/wait-until.ts'

export interface ContractHost {
  /**
   * The interface to the host that the agent gives to its actions. After {@link restartAgent} it is a new object, as
   * for a new agent process.
   */
  readonly host: Host
  /** Makes a guest whose Server is placed on this host. The host has nothing of the guest yet. */
  newGuest(options?: GuestOptions): Guest
  /** Kills the agent and starts another one, which knows nothing that the first one had only in its memory. */
  restartAgent(): Promise<void>
  restartLibvirtd(): Promise<void>
  /** Cuts the power of the host and boots it again. Resolves when libvirtd is up. */
  powerCycle(): Promise<void>
  /** Waits until the guest's operating system has booted and reacts to the power button. */
  waitForBoot(guest: Guest): Promise<void>
  /** Ends the QEMU of the guest as kill -9 does. */
  killQemu(guest: Guest): Promise<void>
  /**
   * Defines and starts a domain that the agent did not make, although it has the UUID of the guest. `owner` is the
   * Server that the domain's metadata names as its owner; undefined: the metadata names no Server.
   */
  startForeignDomain(guest: Guest, owner: Owner | undefined): Promise<void>
  /** The state of the domain with the UUID of the guest, whether or not the Server owns it. */
  rawState(guest: Guest): Promise<'missing' | 'off' | 'running' | 'paused'>
  /** Identifies the present QEMU process of the domain; undefined: the domain does not run. */
  qemuOf(guest: Guest): Promise<unknown>
  /** Removes the disks, as if their file system were not mounted. */
  loseDisks(guest: Guest): Promise<void>
  /** A value that changes whenever the disks are created anew; undefined: there are no disks. */
  diskIdentity(guest: Guest): Promise<unknown>
  /** A value that changes whenever the rescue disk is created anew; undefined: there is no rescue disk. */
  rescueDiskIdentity(guest: Guest): Promise<unknown>
  /** The disks of the running domain in their order, without the ephemeral and the swap disk. */
  disksOfDomain(guest: Guest): Promise<('root disk' | 'rescue disk')[]>
  /** The bytes of the config drive as text; undefined: there is no config drive. */
  configDrive(guest: Guest): Promise<string | undefined>
  /** Makes the HostSecret of the guest's Server, with user data that is encrypted for this host. */
  sendUserData(guest: Guest, userData: string): Promise<void>
  /** Deletes the HostSecret of the guest's Server. */
  withdrawUserData(guest: Guest): Promise<void>
  /** Whether the host has the packet filters of the guest's network interface. */
  hasPorts(guest: Guest): Promise<boolean>
  /** A password that is encrypted for this host, this guest and this request. */
  sealPassword(guest: Guest, requestId: string): Promise<string>
  cachedImageCount(): Promise<number>
  /** Removes everything of all guests from the host, and all foreign domains. Tests call it after each test. */
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
  /**
   * Name of the image. Guests with the same name share an image. For the name `gone`, the source of the image does not
   * exist.
   */
  image?: string
  launchedAt?: string
  /** Whether the Server has user data from a Secret. */
  hasSecretUserData?: boolean
}

export const ctx: StepContext = { signal: new AbortController().signal }

/** Repeats a call until the Progress that it returns is done. Throws the error of the call. */
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

/**
 * Does what a boot action does before it starts the domain: fetches the image, creates disks, ports and config drive,
 * and defines the domain.
 */
export async function prepareAndDefine({ host }: ContractHost, guest: Guest, bootId: string): Promise<void> {
  await waitUntilDone(() => host.images.fetch(guest, ctx), 'image')
  await waitUntilDone(() => host.disks.create(guest, ctx), 'disks')
  await host.configDrives.write(guest, ctx)
  await host.ports.plug(guest, ctx)
  await host.domains.define(guest, bootId, ctx)
}

/** Does what the deletion of a Server does on its host. */
export async function removeGuest({ host }: ContractHost, guest: Guest): Promise<void> {
  await host.domains.destroy(guest, ctx)
  await host.domains.undefine(guest, ctx)
  await host.ports.unplug(guest, ctx)
  await host.disks.delete(guest, ctx)
}
