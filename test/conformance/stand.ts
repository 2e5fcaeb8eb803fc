import { newDraft } from '../../api-shim/routes/images/attributes.ts'
import { uuidFrom } from '../../api-shim/state/derived-uuid.ts'
import { numericIdOf } from '../../api-shim/state/numeric-ids.ts'
import { flavors, hypervisors, imageIdOf, images, networks } from '../../api-shim/state/stores.ts'
import { TestShim, type TestUser } from '../../api-shim/testing.ts'
import type { Image } from '../../crds/index.ts'
import { type Lease, leases } from '../../kube/builtin-kinds.ts'
import type { KubeObject, ResourceDef } from '../../kube/types.ts'
import { SimulatedAgents } from './simulated-agents.ts'
import { actOn, type Simulation } from './simulated-hosts.ts'

export const PUBLIC_URL = 'http://shim.test'

/** By the name in an exchange's field `as`. */
const users: Readonly<Record<string, TestUser>> = {
  // The first project comes first in reports, too.
  admin: { project: 'admin', role: 'admin' },
  member: { project: 'mine', role: 'member' },
  reader: { project: 'mine', role: 'reader' },
  manager: { project: 'mine', role: 'manager' },
  'admin-own': { project: 'mine', role: 'admin', user: 'admin' },
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

const condition = { type: 'Ready', reason: 'Test', message: '', lastTransitionTime: '2026-01-02T03:04:05Z' }
const notReady = { ...condition, status: 'False' }

const imageSpecs: Readonly<Record<string, { namespace?: string; spec?: object; status?: object }>> = {
  // A recorded request has this ID in upper case.
  tiny: { spec: { uuid: '0ce9184a-f0e5-53a8-afb9-fd1dd37eed1d' } },
  // This ID comes after the one of `tiny`, as the recorded lists that are sorted by it tell.
  other: { spec: { uuid: '9ce9184a-f0e5-53a8-afb9-fd1dd37eed1d' } },
  roomy: { spec: { minDisk: 100, minRam: 65_536 } },
  props: { spec: { properties: { hw_disk_bus: 'virtio', hw_vif_model: 'virtio' } } },
  hidden: { namespace: 'other', spec: { visibility: 'private' } },
  off: { status: { conditions: [notReady] } },
}

const IPv4 = '10.10.0.0/16'
const IPv6 = 'fd00:10::/64'

export interface Stand {
  shim: TestShim
  names: Map<string, string>
  simulation: Simulation
}

interface StandOptions {
  /** The address that stands in answers. */
  publicUrl?: string
  /** Called before the shim starts, because afterwards it takes no hooks. */
  beforeStart?: (shim: TestShim) => void
}

export async function createStand({ publicUrl = PUBLIC_URL, beforeStart }: StandOptions = {}): Promise<Stand> {
  const simulation: Simulation = { isPaused: false, host: 'host-1' }
  const shim = new TestShim({
    users,
    publicUrl,
    now: () => simulation.now ?? new Date(),
    // actOn() writes too, so it must not run until the present write has ended.
    onWrite(write) {
      if (!simulation.isPaused) setImmediate(() => void actOn(write, shim.api, simulation))
    },
  })
  Object.assign(shim.services, { hosts: new SimulatedAgents(shim.api) })
  beforeStart?.(shim)
  await shim.start()
  const names = new Map([
    ['nova', `${publicUrl}/compute`],
    ['keystone', `${publicUrl}/identity`],
    ['glance', `${publicUrl}/image`],
  ])
  nameUsers(shim, names)
  await seedFlavors(shim, names, simulation)
  await seedImages(shim, names)
  await seedNetworks(shim, names)
  await seedHosts(shim, names)
  return { shim, names, simulation }
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

async function seedFlavors(shim: TestShim, names: Names, simulation: Simulation): Promise<void> {
  for (const [index, [name, spec]] of Object.entries(flavorSpecs).entries()) {
    // Lists are sorted by creation time in whole seconds, too.
    simulation.now = new Date(Date.UTC(2026, 0, 1, 0, 0, index))
    const annotations = { 'compute.kubenova.io/display-name': name }
    await shim.seed(flavors.kind, { metadata: { name: `f-${name}`, annotations }, spec })
    names.set(`flavor:${name}`, `f-${name}`)
  }
  simulation.now = undefined
}

async function seedImages(shim: TestShim, names: Names): Promise<void> {
  for (const [name, { namespace = 'admin', spec = {}, status }] of Object.entries(imageSpecs)) {
    const image = {
      metadata: { name, namespace },
      spec: { url: 'https://images.test/x', visibility: 'public', ...spec },
      ...(status ? { status } : {}),
    }
    names.set(`image:${name}`, imageIdOf(await shim.seed<Image>(images.kind, image)))
  }
  names.set('image:queued', await seedQueuedImage(shim))
}

/** An image without data is not an Image, but a file of the shim. */
async function seedQueuedImage(shim: TestShim): Promise<string> {
  const id = '5f0a1c9e-3b52-4c6e-9d1f-c00000000001'
  await shim.imageFiles.queued.add({
    id,
    namespace: 'mine',
    projectId: shim.callerOf('member')?.project?.id ?? '',
    createdAt: '2026-01-02T03:04:05Z',
    updatedAt: '2026-01-02T03:04:05Z',
    draft: { ...newDraft, name: 'queued', visibility: 'private' },
  })
  return id
}

async function seedNetworks(shim: TestShim, names: Names): Promise<void> {
  const subnets = [{ cidr: IPv4 }, { cidr: IPv6 }]
  names.set(
    'network:private',
    await seedUid(shim, networks.kind, { metadata: { name: 'private', namespace: 'mine' }, spec: { subnets } }),
  )
  const external = { metadata: { name: 'public', namespace: 'admin' }, spec: { subnets: [], shared: true } }
  names.set('network:public', await seedUid(shim, networks.kind, external))
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
    names.set(`hypervisor-number:${index}`, String(numericIdOf({ metadata: { uid: id } })))
    await seedLease(shim, name, `${name}_1a2b3c4d`)
  }
  const { metadata } = await seedLease(shim, 'kubenova-controller', 'vm_1a2b3c4d')
  for (const topic of ['conductor', 'scheduler'])
    names.set(`service:nova-${topic}`, uuidFrom(`${metadata.uid}/${topic}`))
}

const seedLease = (shim: TestShim, name: string, holderIdentity: string): Promise<Lease> =>
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
    conditions: [{ ...condition, status: 'True' }],
  },
})
