// A cloud whose hosts are real nodes of Kubernetes, with libvirtd, containerd, kubelet and kube-proxy. It has no part
// of Kubenova: the chart installs Kubenova there, from the images that the nodes have. A start leaves running processes
// alone.
import { mkdirSync } from 'node:fs'
import { stopCloud } from './cloud.ts'
import { type ControlPlane, startControlPlane } from './control-plane.ts'
import { type Host, startHost } from './host.ts'
import { hostCgroup } from './kubelet/cgroups.ts'
import { importImages, nodeUsers, prepareNodes, startNode } from './kubelet/node.ts'
import { type Bridge, ensureBridge } from './network.ts'

export interface PodCloudOptions {
  /** The cloud's directory, as in CloudOptions. */
  dir: string
  /** Number of hosts, named h1, h2, … Default 2. At most MAX_HOSTS. */
  hosts?: number
  images: readonly string[]
  owned?: boolean
  log?: (line: string) => void
}

export interface PodCloud {
  dir: string
  plane: ControlPlane
  hosts: ReadonlyMap<string, Host>
  stop(): Promise<void>
}

/** At its first start, the control plane gets the users of this many nodes. So a cloud cannot have more hosts. */
const MAX_HOSTS = 9

/** Resolves when all nodes are Ready and have the images. */
export async function startPodCloud(options: PodCloudOptions): Promise<PodCloud> {
  const { dir, hosts: count = 2, owned = false, log = () => undefined } = options
  if (count > MAX_HOSTS) throw new Error(`a cloud of nodes has at most ${MAX_HOSTS} hosts, not ${count}`)
  mkdirSync(dir, { recursive: true })
  try {
    await prepareNodes(log)
    const bridge = await ensureBridge(dir)
    const users = nodeUsers(namesOf(MAX_HOSTS))
    const plane = await startControlPlane({ dir, address: bridge.address, pods: true, users, owned, log })
    log(`control plane: ${plane.server}`)
    const names = namesOf(count)
    const hosts = await Promise.all(names.map((_, i) => startNodeHost(options, bridge, plane, i)))
    await Promise.all(names.map((name) => waitForNode(name, plane)))
    log(`nodes: ${names.join(', ')}`)
    const stop = async (): Promise<void> => {
      await plane.api.close()
      await stopCloud(dir, log)
    }
    return { dir, plane, hosts: new Map(hosts.map((host) => [host.name, host])), stop }
  } catch (error) {
    if (owned) await stopCloud(dir, log)
    throw error
  }
}

/** `kubectl wait --for=create` fails at once if two of its objects do not exist, so each node has its own. */
async function waitForNode(name: string, plane: ControlPlane): Promise<void> {
  // A kubelet registers its node some time after its start.
  for (const condition of ['create', 'condition=Ready'])
    await plane.kubectl('wait', `--for=${condition}`, `node/${name}`, '--timeout=120s')
}

const namesOf = (count: number): string[] => Array.from({ length: count }, (_, i) => `h${i + 1}`)

/** Each host has its own range of Pod addresses, so that every other host can have a route to the Pods of this host. */
const podSubnetOf = (index: number): string => `10.88.${index + 1}.0/24`

async function startNodeHost(
  { dir, images, hosts: count = 2, owned = false, log = () => undefined }: PodCloudOptions,
  bridge: Bridge,
  plane: ControlPlane,
  index: number,
): Promise<Host> {
  const name = `h${index + 1}`
  const addressOf = (i: number): string => `${bridge.prefix}.${11 + i}`
  const address = addressOf(index)
  const host = await startHost({ dir, name, network: { bridge: bridge.name, address: `${address}/24` }, owned })
  // The host needs a default route: kube-proxy replaces the address of the Service by that of the API server, but only
  // in packets that have a route.
  await host.exec(['ip', 'route', 'replace', 'default', 'via', bridge.address])
  for (let i = 0; i < count; i++)
    if (i !== index) await host.exec(['ip', 'route', 'replace', podSubnetOf(i), 'via', addressOf(i)])
  const cgroup = hostCgroup(dir, name)
  await startNode({ host, plane, address, podSubnet: podSubnetOf(index), cgroup, owned })
  log(`host ${name}: containerd and kubelet run`)
  await importImages(host, images)
  log(`host ${name}: ${images.length} images`)
  return host
}
