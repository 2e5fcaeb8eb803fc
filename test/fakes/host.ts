/** The port Host in memory, as libvirt on a real host behaves: domains outlive the process that made them, and files go where they are told. */

import type { Observed } from '../../agent/server/observed.ts'
import type { LocalHost } from '../../agent/server/reconcile.ts'
import type { Guest, StepContext } from '../../crds/index.ts'
import { Terminal, Transient } from '../../crds/index.ts'
import { Life } from './life.ts'

/** What libvirt has of a server. A domain that is undefined while it runs is transient: gone as soon as it is off. */
export interface FakeDomain {
  state: 'running' | 'paused' | 'off' | 'pmsuspended'
  reason: string
  /** A managed save is there. */
  saved: boolean
  persistent: boolean
  /** Mark of the definition, and of the definition that it runs with. */
  mark: string
  liveMark: string | undefined
}

/** Everything of one server on the host. */
export interface Machine {
  /** Of whom libvirt's metadata and the owner's file say that it is. */
  owner: { namespace: string; name: string } | undefined
  domain: FakeDomain | undefined
  disks: boolean
  /** What the config drive says: the server's spec when it was written. */
  drive: string | undefined
  ports: boolean
  /** Marks of all cold boots, in order. */
  boots: string[]
  /** Does the guest power off when it is asked to? */
  obeys: boolean
}

const newMachine = (): Machine => ({
  owner: undefined,
  domain: undefined,
  disks: false,
  drive: undefined,
  ports: false,
  boots: [],
  obeys: true,
})

/** A host that stays while processes come and go: {@link FakeHost.of} gives each life its handle. */
export class FakeHost {
  readonly #machines = new Map<string, Machine>()
  readonly images = new Set<string>()
  /** How many have been fetched: one download however many servers. */
  downloads = 0
  readonly #onChange: (uid: string) => void

  /** @param onChange told when the domain of this server has changed, as libvirt's events would */
  constructor(onChange: (uid: string) => void = () => undefined) {
    this.#onChange = onChange
  }

  /** Servers of which anything is or was here. */
  uids(): string[] {
    return [...this.#machines.keys()]
  }

  /** By the server's uid; made when first asked for. */
  machine(uid: string): Machine {
    const found = this.#machines.get(uid) ?? newMachine()
    this.#machines.set(uid, found)
    return found
  }

  /** All of it is gone, boots included. */
  forget(uid: string): void {
    this.#machines.delete(uid)
  }

  /** Done to it by someone else than an agent's step. */
  change(uid: string, act: (machine: Machine) => unknown): void {
    const machine = this.machine(uid)
    const before = JSON.stringify(machine.domain)
    act(machine)
    if (JSON.stringify(machine.domain) !== before) this.#onChange(uid)
  }

  readonly destroy = destroy
  readonly undefine = undefine

  /** Is anything left of the server? */
  isEmpty(uid: string): boolean {
    const { domain, disks, drive, ports } = this.machine(uid)
    return domain === undefined && !disks && drive === undefined && !ports
  }

  observe(uid: string): Observed {
    const { domain } = this.machine(uid)
    if (!domain) return { power: 'missing' }
    const { state, reason, saved, liveMark } = domain
    if (state === 'off') return { power: saved ? 'saved' : 'off', reason }
    return { power: state, reason, ...(liveMark === undefined ? {} : { boot: liveMark }) }
  }

  /** It goes off without anyone of ours having asked: by its guest (`shutdown`), killed (`destroyed`), or with the host (`unknown`). */
  goesOff(uid: string, reason: string): void {
    this.change(uid, (machine) => machine.domain && off(machine, machine.domain, reason))
  }

  /** libvirtd is started again: it does not know any more why a domain is off. */
  forgetReasons(): void {
    for (const uid of this.uids())
      this.change(uid, ({ domain }) => domain?.state === 'off' && Object.assign(domain, { reason: 'unknown' }))
  }

  of(life: Life = new Life()): LocalHost {
    const effect = (name: string, guest: Guest, act: (machine: Machine, uid: string) => void): Promise<void> => {
      const { name: server, namespace = '', uid = '' } = guest.server.metadata
      return life.pass({ name: `${name} ${server}`, effect: true }, () => {
        this.machine(uid).owner = { namespace, name: server }
        this.change(uid, (machine) => act(machine, uid))
      })
    }
    const look = <T>(name: string, { server }: Guest, act: (uid: string) => T): Promise<T> =>
      life.pass({ name: `${name} ${server.metadata.name}`, effect: false }, () => act(server.metadata.uid ?? ''))
    return {
      observe: (guest) => look('observe', guest, (uid) => this.observe(uid)),
      isBegun: (guest) => look('isBegun', guest, (uid) => !this.isEmpty(uid)),
      place: ({ server }) => ({ domain: `${server.metadata.name}-d`, consoleLog: '/c.log', vnc: 'unix:/v' }),
      bootedBy: (guest) => look('bootedBy', guest, (uid) => this.observe(uid).boot),
      fetchImage: (guest, ctx) => effect('fetchImage', guest, () => this.#fetch(guest, ctx)),
      createDisks: (guest) => effect('createDisks', guest, (machine) => this.#createDisks(guest, machine)),
      writeConfigDrive: (guest) =>
        effect('writeConfigDrive', guest, (machine) => void (machine.drive = JSON.stringify(guest.server.spec))),
      plugPorts: (guest) => effect('plugPorts', guest, (machine) => void (machine.ports = true)),
      define: (guest, boot) => effect('define', guest, (machine) => define(machine, boot)),
      start: (guest) => effect('start', guest, start),
      shutdown: (guest) => this.#shutdown(guest, life),
      destroy: (guest) => effect('destroy', guest, destroy),
      pause: (guest) => effect('pause', guest, ({ domain }) => change(domain, 'running', 'paused', 'user')),
      unpause: (guest) => effect('unpause', guest, ({ domain }) => change(domain, 'paused', 'running', 'unpaused')),
      save: (guest) => effect('save', guest, save),
      undefine: (guest) => effect('undefine', guest, undefine),
      unplugPorts: (guest) => effect('unplugPorts', guest, unplug),
      deleteDisks: (guest) => effect('deleteDisks', guest, deleteDisks),
    }
  }

  #fetch({ instance }: Guest, { progress }: StepContext): void {
    progress('half of the image is here')
    if (!this.images.has(instance.image.uid)) this.downloads += 1
    this.images.add(instance.image.uid)
  }

  #createDisks({ instance, server }: Guest, machine: Machine): void {
    if (machine.disks) return
    if (server.status?.launchedAt !== undefined) throw new Transient('DiskMissing', 'its disks are not there')
    if (!this.images.has(instance.image.uid)) throw new Terminal('ImageNotFound', 'the image is not here')
    machine.disks = true
  }

  #shutdown(guest: Guest, life: Life): Promise<'off' | 'timeout'> {
    const { name, uid = '' } = guest.server.metadata
    return life.pass({ name: `shutdown ${name}`, effect: true }, () => {
      this.change(uid, powerButton)
      const { domain } = this.machine(uid)
      return domain && domain.state !== 'off' ? 'timeout' : 'off'
    })
  }
}

/** A guest whose virtual CPUs stand still does not hear it. */
function powerButton(machine: Machine): void {
  const { domain, obeys } = machine
  if (!domain) return
  domain.saved = false
  if (domain.state === 'running' && obeys) off(machine, domain, 'shutdown')
}

function off(machine: Machine, domain: FakeDomain, reason: string): void {
  if (domain.state === 'off') return
  Object.assign(domain, { state: 'off', reason, liveMark: undefined })
  if (!domain.persistent) machine.domain = undefined
}

/** Of a running domain only the next boot's definition changes. */
function define(machine: Machine, mark: string): void {
  if (!machine.disks) throw new Terminal('DiskMissing', 'the root disk is not there')
  machine.ports = true
  const domain = machine.domain ?? {
    state: 'off',
    reason: 'unknown',
    saved: false,
    persistent: true,
    mark,
    liveMark: undefined,
  }
  machine.domain = Object.assign(domain, { mark, persistent: true })
}

function start(machine: Machine): void {
  const { domain, disks, ports, boots } = machine
  if (!domain) throw new Transient('LibvirtError', 'libvirt knows no such domain')
  if (domain.state !== 'off') return
  if (!disks || !ports) throw new Terminal('InvalidDomain', 'QEMU finds no disk or no interface')
  domain.liveMark = domain.mark
  if (!domain.saved) boots.push(domain.mark)
  Object.assign(domain, { state: 'running', reason: domain.saved ? 'restored' : 'booted', saved: false })
}

function destroy(machine: Machine): void {
  const { domain } = machine
  if (!domain) return
  off(machine, domain, 'destroyed')
  domain.saved = false
}

/** libvirt refuses what does not fit the state; the caller takes that for done. */
function change(
  domain: FakeDomain | undefined,
  from: FakeDomain['state'],
  state: FakeDomain['state'],
  reason: string,
): void {
  if (domain?.state === from) Object.assign(domain, { state, reason })
}

function save(machine: Machine): void {
  const { domain } = machine
  if (domain?.saved) return
  if (!domain || domain.state === 'off') throw new Transient('LibvirtError', 'the domain is not running')
  off(machine, domain, 'saved')
  domain.saved = true
}

function undefine(machine: Machine): void {
  const { domain } = machine
  if (!domain) return
  Object.assign(domain, { persistent: false, saved: false })
  if (domain.state === 'off') machine.domain = undefined
}

const isOn = ({ domain }: Machine): boolean => domain !== undefined && domain.state !== 'off'

function unplug(machine: Machine): void {
  if (isOn(machine)) throw new Error('ports are taken from under a running guest')
  machine.ports = false
}

function deleteDisks(machine: Machine): void {
  if (isOn(machine)) throw new Error('disks are deleted under a running guest')
  Object.assign(machine, { disks: false, drive: undefined })
}
