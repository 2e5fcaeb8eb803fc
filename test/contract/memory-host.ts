/** A host of memory under contract: the fake alone, or as the simulator has it. */
import type { Guest, Host } from '../../actions/host/index.ts'
import type { Instance } from '../../crds/index.ts'
import type { FakeHost, Machine } from '../fakes/host.ts'
import type { ContractHost, GuestOptions, Owner } from './contract-host.ts'
import { newGuest } from './guests.ts'

export class MemoryContractHost implements ContractHost {
  readonly #machines: FakeHost
  readonly #connect: () => Host
  #host: Host

  /** @param connect gives an agent that has just been started its handle */
  constructor(machines: FakeHost, connect: () => Host) {
    this.#machines = machines
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
    this.#machines.forgetReasons()
  }

  async powerCycle(): Promise<void> {
    this.#machines.losePower()
    await this.restartAgent()
  }

  newGuest(options: GuestOptions = {}): Guest {
    const { image = 'empty', hasSystem = false } = options
    const guest = newGuest(options, imageOf(hasSystem ? 'system' : image))
    if (image === 'gone') this.#machines.images.unavailable.add(guest.instance.image.uid)
    Object.assign(this.#machine(guest), { obeys: hasSystem, hasGuestAgent: false })
    return guest
  }

  async waitForBoot(): Promise<void> {
    // A guest of memory is up as soon as its domain runs.
  }

  async killQemu(guest: Guest): Promise<void> {
    this.#machines.goesOff(guest.server.metadata.uid ?? '', 'crashed')
  }

  async startForeignDomain(guest: Guest, owner: Owner | undefined): Promise<void> {
    this.#machine(guest).foreignDomain = { owner, state: 'running' }
  }

  async rawState(guest: Guest): Promise<'missing' | 'off' | 'running' | 'paused'> {
    const { domain, foreignDomain } = this.#machine(guest)
    const { state } = foreignDomain ?? domain ?? { state: 'missing' }
    if (state === 'pmsuspended') throw new Error('no contract has a guest that sleeps')
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
    const { disks, disksMade } = this.#machine(guest)
    return disks ? disksMade : undefined
  }

  async configDrive(guest: Guest): Promise<string | undefined> {
    return this.#machine(guest).configDrive
  }

  async hasPorts(guest: Guest): Promise<boolean> {
    return this.#machine(guest).ports
  }

  async sealPassword(): Promise<string> {
    return 'sealed-password'
  }

  async cachedImages(): Promise<number> {
    return this.#machines.images.uids.size
  }

  async reset(): Promise<void> {
    for (const uid of this.#machines.uids()) this.#machines.forget(uid)
  }

  #machine({ server }: Guest): Machine {
    return this.#machines.machine(server.metadata.uid ?? '')
  }
}

const imageOf = (name: string): Instance['image'] => ({
  name,
  namespace: 'demo',
  uid: `uid-${name}`,
  url: `file:///images/${name}`,
  format: 'raw',
})
