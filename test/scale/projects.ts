/** A project is a namespace with an image, a key pair and a network. All projects share one flavor. */
import { flavor, image, keyPair, network, resourceDefOf, type Server, server } from '../../crds/index.ts'
import { type Namespace, namespaces } from '../../kube/builtin-kinds.ts'
import type { Kube } from '../../kube/client.ts'
import { isAlreadyExists } from '../../kube/errors.ts'
import type { Resource } from '../../kube/resource.ts'
import type { Draft, KubeObject } from '../../kube/types.ts'
import { waitUntil } from '../rig/wait-until.ts'

const FLAVOR = 'small'
const KEY = 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ+4n2sXkXK3n1x8pWc0hYJ3m1r7b9F2p0q0o6wX1cZ5 demo'

async function createIfMissing<T extends KubeObject>(api: Resource<T>, object: Draft<T>): Promise<void> {
  await api.create(object).catch((error: unknown) => {
    if (!isAlreadyExists(error)) throw error
  })
}

/** The projects are p1, p2, … Each network has addresses for 65,000 Servers. */
export async function createProjects(kube: Kube, count: number): Promise<string[]> {
  await createIfMissing(kube.resource(resourceDefOf(flavor)), {
    metadata: { name: FLAVOR },
    spec: { vcpus: 1, ram: 512, disk: 1 },
  })
  const names = Array.from({ length: count }, (_, i) => `p${i + 1}`)
  for (const [i, namespace] of names.entries()) {
    await createIfMissing(kube.resource<Namespace>(namespaces), { metadata: { name: namespace } })
    const url = 'https://images.invalid/guest.qcow2'
    await createIfMissing(kube.resource(resourceDefOf(image)), {
      metadata: { name: 'guest', namespace },
      spec: { url, format: 'qcow2' },
    })
    await createIfMissing(kube.resource(resourceDefOf(keyPair)), {
      metadata: { name: 'demo', namespace },
      spec: { publicKey: KEY },
    })
    const second = 100 + (i % 100)
    const subnets = [{ cidr: `10.${second}.0.0/16`, gateway: `10.${second}.0.1`, dhcp: true }]
    await createIfMissing(kube.resource(resourceDefOf(network)), {
      metadata: { name: 'default', namespace },
      spec: { subnets },
    })
  }
  return names
}

export function serverDraft(namespace: string, name: string, spec: Partial<Server['spec']> = {}): Draft<Server> {
  const defaults = { flavor: FLAVOR, image: { name: 'guest' }, keyName: 'demo', networks: [{ name: 'default' }] }
  return { metadata: { namespace, name }, spec: { ...defaults, ...spec } }
}

/**
 * Retries while the API server answers 503: after its start, its admission policies do not know custom resources for
 * some seconds.
 */
export async function createServer(kube: Kube, draft: Draft<Server>): Promise<void> {
  const api = kube.resource(resourceDefOf(server))
  const create = async (): Promise<boolean> => {
    await createIfMissing(api, draft)
    return true
  }
  await waitUntil(create, { what: `server ${draft.metadata.name} to be accepted`, deadline: 120_000, every: 200 })
}
