/**
 * A host of memory: domains that outlive their agent, events that libvirt would send, and the real agent's parts over
 * both.
 */

import { type ClusterComponents, type HostComponents, type LibvirtSession } from '../../agent/components.ts'
import type { Facts } from '../../agent/host/facts.ts'
import { createOrphanCollector, type OrphanCollector, type Owner } from '../../agent/orphans.ts'
import { domainChanged, serversByUid } from '../../agent/server/controller.ts'
import type { Resources } from '../../crds/index.ts'
import { noLog } from '../../kube/log.ts'
import { FakeHost, type Machine } from '../fakes/host.ts'
import { type FailureOf, HostLink } from './link.ts'
import type { Process } from './process.ts'

export class SimulatedHost {
  readonly name: string
  readonly capacity: Resources
  readonly machines: FakeHost
  /** How often the domain of a server went off without anyone of ours having asked. */
  readonly accidents = new Map<string, number>()
  readonly #told = new Set<(uid: string) => void>()

  constructor(name: string, capacity: Resources, onChange: () => void) {
    this.name = name
    this.capacity = capacity
    this.machines = new FakeHost((uid) => {
      onChange()
      for (const tell of this.#told) tell(uid)
    })
  }

  /** Servers whose domain runs here. */
  running(): string[] {
    return this.machines.uids().filter((uid) => isOn(this.machines.machine(uid)))
  }

  accident(uid: string, reason: string): void {
    this.accidents.set(uid, (this.accidents.get(uid) ?? 0) + 1)
    this.machines.turnDomainOff(uid, reason)
  }

  /** The parts of the host for one life of its agent. */
  parts(process: Process, failureOf: FailureOf, cluster: ClusterComponents): HostComponents {
    const link = new HostLink(process, failureOf)
    const { channels } = cluster
    const queue = process.openQueue('libvirt', true)
    const { schedule } = process.context
    const tell = (uid: string): void =>
      schedule.enqueue(queue, `${process.name}: event of ${this.machines.machine(uid).owner?.name}`, () =>
        channels.notify(domainChanged, uid),
      )
    this.#told.add(tell)
    process.onEnd(() => this.#told.delete(tell))
    return {
      session: session(),
      probeFacts: async () => factsOf(this.capacity),
      storage: { removeUnused: async () => undefined, [Symbol.asyncDispose]: nothing },
      network: { sync: async () => new Map(), [Symbol.asyncDispose]: nothing },
      host: this.machines.connect(link),
      orphans: this.#orphanCollector(link, cluster),
      lockHost: async ({ host }) => ({ id: host, [Symbol.asyncDispose]: nothing }),
      rotateConsoleLogs: nothing,
      exposeMetrics: () => () => undefined,
    }
  }

  #orphanCollector(link: HostLink, { hostName, servers, informer, kube }: ClusterComponents): OrphanCollector {
    const { machines } = this
    const act = (name: string, uid: string, then: (machine: Machine) => void): Promise<void> =>
      link.perform({ name: `${name} ${machines.machine(uid).owner?.name}`, hasEffect: true }, () =>
        machines.change(uid, then),
      )
    const owner = (uid: string): Owner => ({ namespace: '', name: '', ...machines.machine(uid).owner, uid })
    const known = (): string[] => machines.uids().filter((uid) => !machines.isEmpty(uid))
    return createOrphanCollector({
      hostName,
      listOwners: () => link.perform({ name: 'owners', hasEffect: false }, () => known().map(owner)),
      servers,
      isCached: (uid) => informer.cache.byIndex(serversByUid, uid).length > 0,
      domains: {
        list: () =>
          link.perform({ name: 'list domains', hasEffect: false }, () =>
            known()
              .filter((uid) => machines.machine(uid).domain)
              .map((uuid) => ({ name: uuid, uuid, id: -1 })),
          ),
        ownerOf: async ({ uuid }) => (machines.machine(uuid).domain ? owner(uuid) : undefined),
        of: () => ({
          destroy: (uuid) => act('destroy orphan', uuid, machines.destroy),
          undefine: (uuid) => act('undefine orphan', uuid, machines.undefine),
        }),
      },
      removeFiles: (uid) =>
        act('clean', uid, (machine) =>
          Object.assign(machine, { disks: false, rescueDisk: undefined, configDrive: undefined, ports: false }),
        ),
      graceMs: 120_000,
      now: () => kube.clock.now(),
      log: noLog,
    })
  }
}

export const isOn = ({ domain }: Machine): boolean => domain !== undefined && domain.state !== 'off'

const nothing = async (): Promise<void> => undefined

/** A connection that is there at once and stays. */
function session(): LibvirtSession {
  const there = { closed: new Promise(() => undefined) } as Awaited<ReturnType<LibvirtSession['connected']>>
  return {
    generation: 1,
    connection: there,
    connected: async () => there,
    on: async () => ({ close: nothing, [Symbol.asyncDispose]: nothing }),
    onResync(handler) {
      void handler({ generation: 1, reason: 'connected', previous: undefined })
      return () => undefined
    },
    [Symbol.asyncDispose]: nothing,
  }
}

const factsOf = (capacity: Resources): Facts => ({
  status: {
    hostIP: '10.0.0.1',
    arch: 'x86_64',
    domainType: 'kvm',
    capacity,
    libvirtVersion: '9.0.0',
    qemuVersion: '8.2.0',
    bootedAt: '2026-01-01T00:00:00Z',
    agentVersion: 'simulated',
    machineTypes: ['pc', 'q35'],
    firmware: ['bios', 'uefi'],
    diskBuses: ['virtio', 'scsi', 'sata', 'usb'],
    vifModels: ['virtio', 'e1000'],
  },
  build: { domainType: 'kvm', arch: 'x86_64', machine: 'q35', firmware: ['bios', 'uefi'] },
})
