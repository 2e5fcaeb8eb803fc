/** An in-memory host that behaves like a host with libvirt. Domains and files survive a restart of the agent. */
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

/**
 * The fake host. It exists longer than any agent process on it. {@link FakeHost.connect} returns the interface for one
 * agent process.
 */
export class FakeHost {
  readonly #machines = new Map<string, Machine>()
  readonly images = new FakeImageCache()
  readonly #onChange: (uid: string) => void

  /** @param onChange called when libvirt would send an event, with the UID of the Server whose domain has changed */
  constructor(onChange: (uid: string) => void = () => undefined) {
    this.#onChange = onChange
  }

  /** UIDs of all Servers that are or have been on this host. */
  uids(): string[] {
    return [...this.#machines.keys()]
  }

  /** The machine of a Server: everything that exists on the host for it. The first call creates an empty machine. */
  machine(uid: string): Machine {
    const found = this.#machines.get(uid) ?? newMachine()
    this.#machines.set(uid, found)
    return found
  }

  /** Removes the machine of a Server, as if the Server had never been on this host. */
  forget(uid: string): void {
    this.#machines.delete(uid)
  }

  /** Changes a machine, and calls `onChange` if its domain has changed. */
  change<T>(uid: string, act: (machine: Machine) => T): T {
    const machine = this.machine(uid)
    const before = JSON.stringify(machine.domain)
    const result = act(machine)
    if (JSON.stringify(machine.domain) !== before) this.#onChange(uid)
    return result
  }

  readonly destroy = destroyDomain
  readonly undefine = undefineDomain

  /** Whether nothing of the Server is on this host. */
  isEmpty(uid: string): boolean {
    const { domain, disks, rescueDisk, configDrive, ports } = this.machine(uid)
    return domain === undefined && !disks && !rescueDisk && configDrive === undefined && !ports
  }

  observe(uid: string): ObservedDomain {
    return observeDomain(this.machine(uid))
  }

  /**
   * Turns a domain off without the agent. The reason is `shutdown` if the guest shut down, `destroyed` or `crashed`
   * after a kill, and `unknown` if the host went off as well.
   */
  turnDomainOff(uid: string, reason: string): void {
    this.change(uid, (machine) => machine.domain && turnOff(machine, machine.domain, reason))
  }

  /**
   * Simulates a power failure and a new boot of the host. All domains are off, and the network ports, which existed
   * only in the kernel, are gone.
   */
  losePower(): void {
    for (const uid of this.uids()) {
      this.turnDomainOff(uid, 'unknown')
      this.machine(uid).ports = false
    }
    this.forgetShutdownReasons()
  }

  /** Simulates a restart of libvirtd, after which libvirtd no longer knows why a domain is off. */
  forgetShutdownReasons(): void {
    for (const uid of this.uids())
      this.change(uid, ({ domain }) => domain?.state === 'off' && Object.assign(domain, { reason: 'unknown' }))
  }

  /**
   * Returns the interface to the host for one agent process. All its calls pass through `life` (life.ts), with which a
   * test can make a call fail or kill the process.
   */
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
