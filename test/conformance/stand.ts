import { aggregates, flavors, hypervisors, images, networks } from '../../api-shim/state/stores.ts'
import { TestShim, type TestUser } from '../../api-shim/testing.ts'
import { type Lease, leases } from '../../kube/builtin-kinds.ts'
import type { KubeObject, ResourceDef } from '../../kube/types.ts'
import { actOn } from './simulated-hosts.ts'

export const PUBLIC_URL = 'http://shim.test'

/** By the name in an exchange's field `as`. */
const users: Readonly<Record<string, TestUser>> = {
  member: { project: 'mine', role: 'member' },
  reader: { project: 'mine', role: 'reader' },
  manager: { project: 'mine', role: 'manager' },
  admin: { project: 'admin', role: 'admin' },
  'admin-own': { project: 'mine', role: 'admin' },
  'other-project': { project: 'other', role: 'member' },
  small: { project: 'small', role: 'member' },
  service: { project: 'admin', role: 'admin' },
}

const flavorSpecs: Readonly<Record<string, object>> = {
  tiny: { vcpus: 1, ram: 512, disk: 1 },
  small: { vcpus: 1, ram: 1024, disk: 2 },
  wide: { vcpus: 4, ram: 2048, disk: 10, extraSpecs: { 'hw:cpu_policy': 'shared', 'quota:cpu_shares': '512' } },
  zero: { vcpus: 1, ram: 512, disk: 0 },
  huge: { vcpus: 1, ram: 9_000_000, disk: 1 },
  secret: { vcpus: 1, ram: 512, disk: 1, isPublic: false },
}

const imageSpecs: Readonly<Record<string, { namespace?: string; spec?: object; status?: object }>> = {
  tiny: {},
  other: {},
  roomy: { spec: { minDisk: 100, minRam: 65_536 } },
  props: { spec: { properties: { hw_disk_bus: 'virtio', hw_vif_model: 'virtio' } } },
  hidden: { namespace: 'other', spec: { visibility: 'private' } },
}

const IPv4 = '10.10.0.0/16'
const IPv6 = 'fd00:10::/64'

export interface Stand {
  shim: TestShim
  names: Map<string, string>
}

interface StandOptions {
  /** The address that stands in answers. */
  publicUrl?: string
  /** Called before the shim starts, because afterwards it takes no hooks. */
  beforeStart?: (shim: TestShim) => void
}

export async function createStand({ publicUrl = PUBLIC_URL, beforeStart }: StandOptions = {}): Promise<Stand> {
  const shim = new TestShim({
    users,
    publicUrl,
    // actOn() writes too, so it must not run until the present write has ended.
    onWrite: (write) => setImmediate(() => void actOn(write, shim.api)),
  })
  beforeStart?.(shim)
  await shim.start()
  const names = new Map([
    ['nova', `${publicUrl}/compute`],
    ['keystone', `${publicUrl}/identity`],
    ['glance', `${publicUrl}/image`],
  ])
  nameUsers(shim, names)
  await seedFlavors(shim, names)
  await seedImages(shim, names)
  await seedNetworks(shim, names)
  await seedHosts(shim, names)
  await shim.seed(aggregates.kind, { metadata: { name: 'zone-y' }, spec: { availabilityZone: 'zone-y', hosts: [] } })
  return { shim, names }
}

type Names = Map<string, string>

function nameUsers(shim: TestShim, names: Names): void {
  for (const user of Object.keys(users)) {
    const caller = shim.callerOf(user)
    names.set(`user:${user === 'other-project' ? 'other' : user}`, caller?.user.id ?? '')
    names.set(`project:${users[user]?.project ?? ''}`, caller?.project?.id ?? '')
  }
}

/** Creates an object and returns its UID. */
async function seedUid(shim: TestShim, def: ResourceDef, object: object): Promise<string> {
  const { metadata } = await shim.seed<KubeObject>(def, object)
  return metadata.uid ?? ''
}

async function seedFlavors(shim: TestShim, names: Names): Promise<void> {
  for (const [name, spec] of Object.entries(flavorSpecs)) {
    const annotations = { 'compute.kubenova.io/display-name': name }
    await shim.seed(flavors.kind, { metadata: { name: `f-${name}`, annotations }, spec })
    names.set(`flavor:${name}`, `f-${name}`)
  }
}

async function seedImages(shim: TestShim, names: Names): Promise<void> {
  for (const [name, { namespace = 'admin', spec = {} }] of Object.entries(imageSpecs)) {
    const image = {
      metadata: { name, namespace },
      spec: { url: 'https://images.test/x', visibility: 'public', ...spec },
    }
    names.set(`image:${name}`, await seedUid(shim, images.kind, image))
  }
}

async function seedNetworks(shim: TestShim, names: Names): Promise<void> {
  const subnets = [{ cidr: IPv4 }, { cidr: IPv6 }]
  names.set(
    'network:private',
    await seedUid(shim, networks.kind, { metadata: { name: 'private', namespace: 'mine' }, spec: { subnets } }),
  )
  for (const name of ['net-a', 'net-b'])
    names.set(
      `network:${name}`,
      await seedUid(shim, networks.kind, { metadata: { name, namespace: 'other' }, spec: { subnets: [] } }),
    )
}

async function seedHosts(shim: TestShim, names: Names): Promise<void> {
  for (const index of [1, 2]) {
    const name = `host-${index}`
    names.set(`host:${index}`, name)
    const id = await seedUid(shim, hypervisors.kind, hostOf(name))
    names.set(`hypervisor:${index}`, id)
    names.set(`service:nova-compute:${index}`, id)
    await seedLease(shim, name, `${name}_1a2b3c4d`)
  }
  await seedLease(shim, 'kubenova-controller', 'vm_1a2b3c4d')
}

const seedLease = (shim: TestShim, name: string, holderIdentity: string): Promise<unknown> =>
  shim.api.resource<Lease>(leases).create({
    metadata: { name, namespace: 'kubenova-system' },
    spec: { holderIdentity, leaseDurationSeconds: 15, renewTime: new Date().toISOString() },
  })

const hostOf = (name: string): object => ({
  metadata: { name },
  spec: {},
  status: {
    state: 'up',
    hostIP: '192.0.2.1',
    arch: 'x86_64',
    qemuVersion: '8.2.2',
    capacity: { vcpus: 1000, ram: 800_000, disk: 600_000 },
    used: { vcpus: 1, ram: 512, disk: 1 },
    cpu: { model: 'Nehalem', vendor: 'Intel', sockets: 4, cores: 1, threads: 1, features: ['pge', 'clflush'] },
    conditions: [
      { type: 'Ready', status: 'True', reason: 'Ready', message: '', lastTransitionTime: '2026-01-02T03:04:05Z' },
    ],
  },
})
