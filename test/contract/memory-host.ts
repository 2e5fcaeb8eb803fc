/** The fake host of the unit tests, or the same fake host inside the simulator. */
import type { Guest, Host } from '../../actions/host/index.ts'
import type { Instance } from '../../crds/index.ts'
import type { FakeHost, Machine } from '../fakes/host.ts'
import type { ContractHost, GuestOptions, Owner } from './contract-host.ts'
import { newGuest } from './guests.ts'

export class MemoryContractHost implements ContractHost {
  readonly #fakeHost: FakeHost
  readonly #connect: () => Host
  #host: Host

  /** @param connect starts an agent process and returns its interface to the host */
  constructor(fakeHost: FakeHost, connect: () => Host) {
    this.#fakeHost = fakeHost
    this.#connect = connect
    this.#host = connect()
  }

  get host(): Host {
    return this.#host
  }

  async restartAgent(): Promise<void> {
    this.#host = this.#connect()
  }

  async restartLibvirtd(): Promise<void> {
    this.#fakeHost.forgetShutdownReasons()
  }

  async powerCycle(): Promise<void> {
    this.#fakeHost.losePower()
    await this.restartAgent()
  }

  newGuest(options: GuestOptions = {}): Guest {
    const { image = 'empty', hasSystem = false } = options
    const guest = newGuest(options, imageOf(hasSystem ? 'system' : image))
    if (image === 'gone') this.#fakeHost.images.unavailable.add(guest.instance.image.uid)
    Object.assign(this.#machine(guest), { obeysPowerButton: hasSystem, hasGuestAgent: false })
    return guest
  }

  async waitForBoot(): Promise<void> {
    // Nothing to wait for: a guest of the fake host counts as booted as soon as its domain runs.
  }

  async killQemu(guest: Guest): Promise<void> {
    this.#fakeHost.turnDomainOff(guest.server.metadata.uid ?? '', 'crashed')
  }

  async startForeignDomain(guest: Guest, owner: Owner | undefined): Promise<void> {
    this.#machine(guest).foreignDomain = { owner, state: 'running' }
  }

  async rawState(guest: Guest): Promise<'missing' | 'off' | 'running' | 'paused'> {
    const { domain, foreignDomain } = this.#machine(guest)
    const { state } = foreignDomain ?? domain ?? { state: 'missing' }
    if (state === 'pmsuspended') throw new Error('no contract suite has a guest that sleeps')
    return state
  }

  async qemuOf(guest: Guest): Promise<number | undefined> {
    const machine = this.#machine(guest)
    return machine.domain?.state === 'off' ? undefined : machine.domain && machine.starts
  }

  async loseDisks(guest: Guest): Promise<void> {
    this.#machine(guest).disks = false
  }

  async diskIdentity(guest: Guest): Promise<number | undefined> {
    const { disks, diskGeneration } = this.#machine(guest)
    return disks ? diskGeneration : undefined
  }

  async rescueDiskIdentity(guest: Guest): Promise<object | undefined> {
    return this.#machine(guest).rescueDisk
  }

  async disksOfDomain(guest: Guest): Promise<('root disk' | 'rescue disk')[]> {
    const { runsFrom } = this.#machine(guest).domain ?? {}
    if (runsFrom === undefined) throw new Error('the domain does not run')
    return runsFrom === 'rescue disk' ? [runsFrom, 'root disk'] : [runsFrom]
  }

  async configDrive(guest: Guest): Promise<string | undefined> {
    return this.#machine(guest).configDrive
  }

  async sendUserData(guest: Guest, userData: string): Promise<void> {
    this.#machine(guest).sentUserData = userData
  }

  async withdrawUserData(guest: Guest): Promise<void> {
    this.#machine(guest).sentUserData = undefined
  }

  async hasPorts(guest: Guest): Promise<boolean> {
    return this.#machine(guest).ports
  }

  async sealPassword(): Promise<string> {
    return 'sealed-password'
  }

  async cachedImageCount(): Promise<number> {
    return this.#fakeHost.images.uids.size
  }

  async reset(): Promise<void> {
    for (const uid of this.#fakeHost.uids()) this.#fakeHost.forget(uid)
  }

  #machine({ server }: Guest): Machine {
    return this.#fakeHost.machine(server.metadata.uid ?? '')
  }
}

const imageOf = (name: string): Instance['image'] => ({
  name,
  namespace: 'demo',
  uid: `uid-${name}`,
  url: `file:///images/${name}`,
  format: 'raw',
})
