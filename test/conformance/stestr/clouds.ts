/** The clouds on which suites run: a real API server, controller and shim, and agents with real code. */
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { flavor, image, network, resourceDefOf } from '../../../crds/index.ts'
import { type Namespace, namespaces } from '../../../kube/builtin-kinds.ts'
import { createKube, type Kube } from '../../../kube/client.ts'
import { startCloud } from '../../rig/cloud.ts'
import { placeGuestImage } from '../../rig/place-image.ts'
import { loadShimUsers, type ShimUser } from '../../rig/shim.ts'
import { startScaleCloud } from '../../scale/scale-cloud.ts'
import type { HostKind } from './outcomes.ts'

/** Has the images and the networks. */
const SHARED_PROJECT = 'shared'
const ADMIN_PROJECT = 'default'

export interface ConformanceCloud extends AsyncDisposable {
  /** The address of the shim. */
  url: string
  kube: Kube
  /** Creates the projects and users of the tests. */
  admin: ShimUser
  /** The URL of an image that the hosts can boot. */
  imageUrl: string
}

type StartConformanceCloud = (dir: string, log: (line: string) => void) => Promise<ConformanceCloud>

/** Two simulated hosts, whose domains exist only in memory, because suites create hundreds of servers. */
const startSimulated: StartConformanceCloud = async (dir, log) => {
  await using stack = new AsyncDisposableStack()
  const cloud = stack.use(await startScaleCloud({ dir, hosts: 2, log }))
  await cloud.startController()
  await cloud.startFleets()
  // No host fetches an image, because the disks of simulated hosts are not real.
  const images = 'https://images.test'
  const flags = ['--image-dir', join(dir, 'uploads'), '--image-url', images]
  const { url, users } = await cloud.startShim([ADMIN_PROJECT], ...flags)
  log(`the shim serves ${url}`)
  const { kube } = cloud
  const owned = stack.move()
  const imageUrl = `${images}/guest.qcow2`
  return { url, kube, admin: findAdmin(users), imageUrl, [Symbol.asyncDispose]: () => owned.disposeAsync() }
}

/** One host with libvirt and QEMU, for the tests that look into a guest. */
const startLibvirt: StartConformanceCloud = async (dir, log) => {
  mkdirSync(dir, { recursive: true })
  await using stack = new AsyncDisposableStack()
  const cloud = stack.use(await startCloud({ dir, hosts: 1, shim: true, owned: true, log }))
  const kube = stack.use(await createKube({ kubeconfig: cloud.kubeconfig, userAgent: 'kubenova-conformance' }))
  await placeGuestImage(cloud.hosts.values(), log)
  const url = cloud.shimUrl
  const admin = findAdmin(loadShimUsers(dir, ADMIN_PROJECT))
  const owned = stack.move()
  const imageUrl = 'file:///var/lib/kubenova/images/guest.qcow2'
  return { url, kube, admin, imageUrl, [Symbol.asyncDispose]: () => owned.disposeAsync() }
}

export const startCloudWith: Readonly<Record<HostKind, StartConformanceCloud>> = {
  simulated: startSimulated,
  libvirt: startLibvirt,
}

function findAdmin(users: readonly ShimUser[]): ShimUser {
  const admin = users.find(({ role }) => role === 'admin')
  if (!admin) throw new Error('no user is an administrator')
  return admin
}

/** Returns the IDs. Creates the project that has them. */
export async function createImages({ kube, imageUrl }: ConformanceCloud, names: readonly string[]): Promise<string[]> {
  await kube.resource<Namespace>(namespaces).create({ metadata: { name: SHARED_PROJECT } })
  const created = []
  for (const name of names) {
    const properties = { hw_qemu_guest_agent: 'yes' } as const
    const spec = { url: imageUrl, format: 'qcow2', visibility: 'public', properties } as const
    const metadata = { name, namespace: SHARED_PROJECT }
    created.push(await kube.resource(resourceDefOf(image)).create({ metadata, spec }))
  }
  return created.map(({ metadata }) => metadata.uid ?? '')
}

interface FlavorSizes {
  vcpus: number
  /** In MiB. */
  ram: number
  /** In GiB. */
  disk: number
}

export async function createFlavors(kube: Kube, specs: Readonly<Record<string, FlavorSizes>>): Promise<void> {
  for (const [name, spec] of Object.entries(specs))
    await kube.resource(resourceDefOf(flavor)).create({ metadata: { name }, spec })
}

interface NetworkOptions {
  /** The first two bytes of its addresses. */
  prefix: string
  /** Whether all projects may use it. */
  shared: boolean
}

export async function createNetwork(kube: Kube, name: string, { prefix, shared }: NetworkOptions): Promise<void> {
  await kube.resource(resourceDefOf(network)).create({
    metadata: { name, namespace: SHARED_PROJECT },
    spec: { shared, subnets: [{ cidr: `${prefix}.0.0/16`, gateway: `${prefix}.0.1`, dhcp: true }] },
  })
}
