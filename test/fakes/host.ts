import type { Guest, Host, ObservedDomain } from '../../actions/host/index.ts'
import { wrapHost } from '../../actions/host/wrap.ts'
import type { LocalHost } from '../../agent/server/deps.ts'
import { fakeConfigDrives } from './host/config-drives.ts'
import { fakeDisks } from './host/disks.ts'
import { destroyDomain, fakeDomains, observeDomain, turnOff, undefineDomain } from './host/domains.ts'
import { fakeGuestAgent } from './host/guest-agent.ts'
import { FakeImageCache, fakeImages } from './host/images.ts'
import { type Machine, newMachine } from './host/machine.ts'
import { fakePorts } from './host/ports.ts'
import { fakeRescueDisks } from './host/rescue-disks.ts'
import { Life } from './life.ts'

export type { Machine } from './host/machine.ts'

/** Exists longer than any agent process on it. {@link FakeHost.connect} returns the interface for one agent process. */
export class FakeHost {
  readonly #machines = new Map<string, Machine>()
  readonly images = new FakeImageCache()
  readonly #onChange: (uid: string) => void

  /** @param onChange called when libvirt would send an event, with the UID of the Server whose domain has changed */
  constructor(onChange: (uid: string) => void = () => undefined) {
    this.#onChange = onChange
  }

  uids(): string[] {
    return [...this.#machines.keys()]
  }

  machine(uid: string): Machine {
    const found = this.#machines.get(uid) ?? newMachine()
    this.#machines.set(uid, found)
    return found
  }

  forget(uid: string): void {
    this.#machines.delete(uid)
  }

  change<T>(uid: string, act: (machine: Machine) => T): T {
    const machine = this.machine(uid)
    const before = JSON.stringify(machine.domain)
    const result = act(machine)
    if (JSON.stringify(machine.domain) !== before) this.#onChange(uid)
    return result
  }

  readonly destroy = destroyDomain
  readonly undefine = undefineDomain

  isEmpty(uid: string): boolean {
    const { domain, disks, rescueDisk, configDrive, ports } = this.machine(uid)
    return domain === undefined && !disks && !rescueDisk && configDrive === undefined && !ports
  }

  observe(uid: string): ObservedDomain {
    return observeDomain(this.machine(uid))
  }

  /**
   * Turns a domain off without the agent. `reason`: `shutdown` by the guest, `destroyed` or `crashed` after a kill, or
   * `unknown` if the host went off as well.
   */
  turnDomainOff(uid: string, reason: string): void {
    this.change(uid, (machine) => machine.domain && turnOff(machine, machine.domain, reason))
  }

  losePower(): void {
    for (const uid of this.uids()) {
      this.turnDomainOff(uid, 'unknown')
      this.machine(uid).ports = false
    }
    this.forgetShutdownReasons()
  }

  /** After a restart, libvirtd no longer knows why a domain is off. */
  forgetShutdownReasons(): void {
    for (const uid of this.uids())
      this.change(uid, ({ domain }) => domain?.state === 'off' && Object.assign(domain, { reason: 'unknown' }))
  }

  /** The interface for one agent process. With `life` (life.ts), a test can make its calls fail or kill the process. */
  connect(life: Life = new Life()): LocalHost {
    const read = <T>(name: string, { server }: Guest, act: (uid: string) => T | Promise<T>): Promise<T> =>
      life.perform({ name: `${name} ${server.metadata.name}`, hasEffect: false }, () => act(server.metadata.uid ?? ''))
    const host = wrapHost(this.#capabilities(), ({ name, kind, guest }, act) => {
      const { name: server, namespace = '', uid = '' } = guest.server.metadata
      if (kind === 'read') return read(name, guest, (uid) => this.change(uid, act))
      return life.perform({ name: `${name} ${server}`, hasEffect: true }, () => {
        this.machine(uid).owner = { namespace, name: server }
        return this.change(uid, act)
      })
    })
    return {
      ...host,
      isBegun: (guest) => read('isBegun', guest, (uid) => !this.isEmpty(uid)),
      runtimeInfo: ({ server }) => ({ domain: `${server.metadata.name}-d`, consoleLog: '/c.log', vnc: 'unix:/v' }),
      [Symbol.asyncDispose]: async () => undefined,
    }
  }

  #capabilities(): Host {
    const machineOf = (uid = ''): Machine => this.machine(uid)
    return {
      images: fakeImages(this.images),
      disks: fakeDisks(machineOf, this.images),
      rescueDisks: fakeRescueDisks(machineOf, this.images),
      configDrives: fakeConfigDrives(machineOf),
      ports: fakePorts(machineOf),
      domains: fakeDomains(machineOf),
      guestAgent: fakeGuestAgent(machineOf),
    }
  }
}
