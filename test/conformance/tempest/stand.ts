/** The clouds on which tempest runs: a real API server, controller and shim, and agents with real code. */
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { flavor, image, network, resourceDefOf } from '../../../crds/index.ts'
import { type Namespace, namespaces } from '../../../kube/builtin-kinds.ts'
import { createKube, type Kube } from '../../../kube/client.ts'
import { startCloud } from '../../rig/cloud.ts'
import { placeGuestImage } from '../../rig/place-image.ts'
import { loadShimUsers, type ShimUser } from '../../rig/shim.ts'
import { startScaleCloud } from '../../scale/scale-cloud.ts'

export const NETWORK = 'private'
/** Has the shared network and the images. */
const SHARED_PROJECT = 'shared'
/** The project of the administrator with which tempest creates its projects and users. */
const ADMIN_PROJECT = 'default'

export interface TempestStand extends AsyncDisposable {
  url: string
  admin: ShimUser
  images: readonly string[]
  flavors: readonly string[]
}

type Log = (line: string) => void
export type StartStand = (dir: string, log: Log) => Promise<TempestStand>

/** Two simulated hosts, whose domains exist only in memory, because tempest creates hundreds of servers. */
export const startSimulatedStand: StartStand = async (dir, log) => {
  await using stack = new AsyncDisposableStack()
  const cloud = stack.use(await startScaleCloud({ dir, hosts: 2, log }))
  await cloud.startController()
  await cloud.startFleets()
  const { url, users } = await cloud.startShim([ADMIN_PROJECT], '--image-dir', join(dir, 'uploads'))
  // No host fetches the images, because the disks of simulated hosts are not real.
  const seeded = await seedStand(cloud.kube, 'https://images.test/guest.qcow2')
  log(`the shim serves ${url}`)
  const owned = stack.move()
  return { url, admin: findAdmin(users), ...seeded, [Symbol.asyncDispose]: () => owned.disposeAsync() }
}

/** One host with libvirt and QEMU, for the tests that look into a guest. */
export const startLibvirtStand: StartStand = async (dir, log) => {
  mkdirSync(dir, { recursive: true })
  await using stack = new AsyncDisposableStack()
  const cloud = stack.use(await startCloud({ dir, hosts: 1, shim: true, owned: true, log }))
  const kube = stack.use(await createKube({ kubeconfig: cloud.kubeconfig, userAgent: 'kubenova-tempest' }))
  await placeGuestImage(cloud.hosts.values(), log)
  const seeded = await seedStand(kube, 'file:///var/lib/kubenova/images/guest.qcow2')
  const admin = findAdmin(loadShimUsers(dir, ADMIN_PROJECT))
  const owned = stack.move()
  return { url: cloud.shimUrl, admin, ...seeded, [Symbol.asyncDispose]: () => owned.disposeAsync() }
}

function findAdmin(users: readonly ShimUser[]): ShimUser {
  const admin = users.find(({ role }) => role === 'admin')
  if (!admin) throw new Error('no user is an administrator')
  return admin
}

async function seedStand(kube: Kube, imageUrl: string): Promise<Pick<TempestStand, 'images' | 'flavors'>> {
  await kube.resource<Namespace>(namespaces).create({ metadata: { name: SHARED_PROJECT } })
  const images = await createImages(kube, imageUrl)
  const flavors = await createFlavors(kube)
  await createNetwork(kube)
  return { images, flavors }
}

/** Returns the IDs. */
async function createImages(kube: Kube, url: string): Promise<string[]> {
  const created = []
  for (const name of ['guest', 'other']) {
    const properties = { hw_qemu_guest_agent: 'yes' } as const
    const spec = { url, format: 'qcow2', visibility: 'public', properties } as const
    const metadata = { name, namespace: SHARED_PROJECT }
    created.push(await kube.resource(resourceDefOf(image)).create({ metadata, spec }))
  }
  return created.map(({ metadata }) => metadata.uid ?? '')
}

async function createFlavors(kube: Kube): Promise<string[]> {
  const specs = { 1: { vcpus: 1, ram: 128, disk: 1 }, 2: { vcpus: 1, ram: 192, disk: 2 } }
  for (const [name, spec] of Object.entries(specs))
    await kube.resource(resourceDefOf(flavor)).create({ metadata: { name }, spec })
  return Object.keys(specs)
}

async function createNetwork(kube: Kube): Promise<void> {
  await kube.resource(resourceDefOf(network)).create({
    metadata: { name: NETWORK, namespace: SHARED_PROJECT },
    spec: { shared: true, subnets: [{ cidr: '10.20.0.0/16', gateway: '10.20.0.1', dhcp: true }] },
  })
}
