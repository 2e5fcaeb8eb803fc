/** The domains of a simulated host exist only in a map, and the steps of actions take no time. */
import { generateKeyPairSync } from 'node:crypto'
import { type ClusterComponents, type HostComponents, type LibvirtSession } from '../../agent/components.ts'
import type { Facts } from '../../agent/host/facts.ts'
import type { OrphanCollector } from '../../agent/orphans.ts'
import { publicSealingKey } from '../../agent/sealing-key.ts'
import { domainChanged, serversByUid } from '../../agent/server/controller.ts'
import type { LocalHost } from '../../agent/server/deps.ts'
import { FakeHost } from '../fakes/host.ts'
import { type Call, Life } from '../fakes/life.ts'

/** Does not record the names of calls: an agent runs for hours here, and the list of names would grow all the time. */
class UnrecordedLife extends Life {
  override async perform<T>(_: Call, run: () => T | Promise<T>): Promise<T> {
    return run()
  }
}

/** The controller seals passwords and user data for it. No simulated host decrypts them. */
const sealingKey = publicSealingKey(generateKeyPairSync('x25519').privateKey)

export function makeSimulatedHost({ channels, hostName, informer }: ClusterComponents): HostComponents {
  const machines = new FakeHost((uid) => {
    // No scale test reads the list of boots, which would grow for hours.
    machines.machine(uid).boots.splice(0)
    // The channel expects the UUID of a domain, which in the scale tests is the uid of its Server.
    channels.notify(domainChanged, uid)
  })
  return {
    session: fakeLink(),
    async probeFacts() {
      const facts = factsOf(hostName)
      return { ...facts, status: { ...facts.status, sealingKey } }
    },
    storage: { removeUnused: async () => undefined, [Symbol.asyncDispose]: async () => undefined },
    network: { sync: async () => new Map(), [Symbol.asyncDispose]: async () => undefined },
    host: withSentSecrets(machines.connect(new UnrecordedLife()), machines),
    orphans: fakeOrphanCollector(machines, (uid) => informer.cache.byIndex(serversByUid, uid).length > 0),
    lockHost: async () => ({ id: hostName, [Symbol.asyncDispose]: async () => undefined }),
    rotateConsoleLogs: async () => undefined,
    exposeMetrics: () => () => undefined,
  }
}

/** A simulated host cannot decrypt its HostSecrets, so it takes them for sent. */
function withSentSecrets(host: LocalHost, machines: FakeHost): LocalHost {
  const { configDrives } = host
  const write: typeof configDrives.write = async (guest, ...others) => {
    machines.machine(guest.server.metadata.uid ?? '').sentUserData = 'sealed'
    return configDrives.write(guest, ...others)
  }
  return { ...host, configDrives: { ...configDrives, write } }
}

function fakeOrphanCollector(machines: FakeHost, isCached: (uid: string) => boolean): OrphanCollector {
  return {
    async collectDeleted({ uid }) {
      if (!isCached(uid)) machines.forget(uid)
    },
    sweep: async () => undefined,
    serversWithDomains: async () => new Set(),
  }
}

function fakeLink(): LibvirtSession {
  const nothing = async (): Promise<void> => undefined
  const connection = { closed: new Promise(() => undefined) } as Awaited<ReturnType<LibvirtSession['connected']>>
  return {
    generation: 1,
    connection,
    failure: undefined,
    connected: async () => connection,
    on: async () => ({ close: nothing, [Symbol.asyncDispose]: nothing }),
    onResync(handler) {
      void handler({ generation: 1, reason: 'connected', previous: undefined })
      return () => undefined
    },
    [Symbol.asyncDispose]: nothing,
  }
}

export function factsOf(hostName: string): Facts {
  const number = Number(/\d+$/.exec(hostName)?.[0] ?? 0)
  return {
    status: {
      hostIP: `10.${(number >> 16) & 255}.${(number >> 8) & 255}.${number & 255}`,
      arch: 'x86_64',
      domainType: 'kvm',
      capacity: { vcpus: 64, ram: 262_144, disk: 4000 },
      libvirtVersion: '9.0.0',
      qemuVersion: '7.2.0',
      bootedAt: '2026-01-01T00:00:00Z',
      agentVersion: 'simulated',
      machineTypes: ['pc', 'q35'],
      firmware: ['bios', 'uefi'],
      diskBuses: ['virtio', 'scsi', 'sata', 'usb'],
      vifModels: ['virtio', 'e1000', 'e1000e', 'rtl8139'],
      cpu: {
        model: 'Skylake-Server',
        vendor: 'Intel',
        sockets: 1,
        cores: 32,
        threads: 2,
        features: ['aes', 'avx2', 'avx512f'],
      },
    },
    build: { domainType: 'kvm', arch: 'x86_64', machine: 'q35', firmware: ['bios', 'uefi'] },
  }
}
