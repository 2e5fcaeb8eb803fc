/** A simulated host keeps domains, which outlive the agent's process, and sends the events that libvirtd would send. */
import { type ClusterComponents, type HostComponents, type LibvirtSession } from '../../agent/components.ts'
import type { Facts } from '../../agent/host/facts.ts'
import { createOrphanCollector, type OrphanCollector, type Owner } from '../../agent/orphans.ts'
import { domainChanged, serversByUid } from '../../agent/server/controller.ts'
import type { Resources } from '../../crds/index.ts'
import { noLog } from '../../kube/log.ts'
import { hasActiveDomain } from '../fakes/host/machine.ts'
import { FakeHost, type Machine } from '../fakes/host.ts'
import { type FailureOf, HostLink } from './link.ts'
import type { Process } from './process.ts'

export class SimulatedHost {
  readonly name: string
  readonly capacity: Resources
  readonly machines: FakeHost
  /** For each server's uid: how often its domain has stopped without a call of the agent. */
  readonly unexpectedStops = new Map<string, number>()
  readonly #listeners = new Set<(uid: string) => void>()

  constructor(name: string, capacity: Resources, onChange: () => void) {
    this.name = name
    this.capacity = capacity
    this.machines = new FakeHost((uid) => {
      onChange()
      for (const notify of this.#listeners) notify(uid)
    })
  }

  runningServers(): string[] {
    return this.machines.uids().filter((uid) => hasActiveDomain(this.machines.machine(uid)))
  }

  /** Stops the domain as a crash of QEMU, a shutdown inside the guest or a power loss would. */
  stopDomainUnexpectedly(uid: string, reason: string): void {
    this.unexpectedStops.set(uid, (this.unexpectedStops.get(uid) ?? 0) + 1)
    this.machines.turnDomainOff(uid, reason)
  }

  makeComponents(process: Process, failureOf: FailureOf, cluster: ClusterComponents): HostComponents {
    const link = new HostLink(process, failureOf)
    const { channels } = cluster
    const queue = process.openQueue('libvirt', true)
    const { schedule } = process.context
    const notify = (uid: string): void =>
      schedule.enqueue(queue, `${process.name}: event of ${this.machines.machine(uid).owner?.name}`, () =>
        channels.notify(domainChanged, uid),
      )
    this.#listeners.add(notify)
    process.onEnd(() => this.#listeners.delete(notify))
    return {
      session: fakeSession(),
      probeFacts: async () => factsOf(this.capacity),
      storage: { removeUnused: async () => undefined, [Symbol.asyncDispose]: doNothing },
      network: { sync: async () => new Map(), [Symbol.asyncDispose]: doNothing },
      host: this.machines.connect(link),
      orphans: this.#orphanCollector(link, cluster),
      lockHost: async ({ host }) => ({ id: host, [Symbol.asyncDispose]: doNothing }),
      rotateConsoleLogs: doNothing,
      exposeMetrics: () => () => undefined,
    }
  }

  #orphanCollector(link: HostLink, { hostName, servers, informer, kube }: ClusterComponents): OrphanCollector {
    const { machines } = this
    const changeMachine = (name: string, uid: string, change: (machine: Machine) => void): Promise<void> =>
      link.perform({ name: `${name} ${machines.machine(uid).owner?.name}`, hasEffect: true }, () =>
        machines.change(uid, change),
      )
    const ownerOf = (uid: string): Owner => ({ namespace: '', name: '', ...machines.machine(uid).owner, uid })
    const nonEmptyUids = (): string[] => machines.uids().filter((uid) => !machines.isEmpty(uid))
    return createOrphanCollector({
      hostName,
      listOwners: () => link.perform({ name: 'owners', hasEffect: false }, () => nonEmptyUids().map(ownerOf)),
      servers,
      isCached: (uid) => informer.cache.byIndex(serversByUid, uid).length > 0,
      domains: {
        list: () =>
          link.perform({ name: 'list domains', hasEffect: false }, () =>
            nonEmptyUids()
              .filter((uid) => machines.machine(uid).domain)
              .map((uuid) => ({ name: uuid, uuid, id: -1 })),
          ),
        ownerOf: async ({ uuid }) => (machines.machine(uuid).domain ? ownerOf(uuid) : undefined),
        of: () => ({
          destroy: (uuid) => changeMachine('destroy orphan', uuid, machines.destroy),
          undefine: (uuid) => changeMachine('undefine orphan', uuid, machines.undefine),
        }),
      },
      removeFiles: (uid) =>
        changeMachine('clean', uid, (machine) =>
          Object.assign(machine, {
            disks: false,
            rescueDisk: undefined,
            configDrive: undefined,
            keptUserData: undefined,
            ports: false,
          }),
        ),
      graceMs: 120_000,
      now: () => kube.clock.now(),
      log: noLog,
    })
  }
}

const doNothing = async (): Promise<void> => undefined

function fakeSession(): LibvirtSession {
  const connection = { closed: new Promise(() => undefined) } as Awaited<ReturnType<LibvirtSession['connected']>>
  return {
    generation: 1,
    connection,
    failure: undefined,
    connected: async () => connection,
    on: async () => ({ close: doNothing, [Symbol.asyncDispose]: doNothing }),
    onResync(handler) {
      void handler({ generation: 1, reason: 'connected', previous: undefined })
      return () => undefined
    },
    [Symbol.asyncDispose]: doNothing,
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
