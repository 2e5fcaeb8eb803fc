import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { ensureBinaries } from '../binaries.ts'
import type { ControlPlane, User } from '../control-plane.ts'
import type { Host } from '../host.ts'
import { installPackages } from '../packages.ts'
import { isAlive, type ProcessId, spawnMarked } from '../process.ts'
import { FatalError, waitUntil } from '../wait-until.ts'
import { writeNodeConfig } from './config.ts'
import { buildIdleImage } from './idle-image.ts'

export interface NodeOptions {
  host: Host
  plane: ControlPlane
  address: string
  podSubnet: string
  cgroup: string
  owned: boolean
}

const PROXY_USER = 'system:kube-proxy'
const packages = ['containerd', 'runc', 'containernetworking-plugins', 'iptables', 'busybox-static']

export const nodeUsers = (names: readonly string[]): User[] => [
  ...names.map((name) => ({ name: `system:node:${name}`, groups: ['system:nodes'] })),
  { name: PROXY_USER },
]

export async function prepareNodes(log: (line: string) => void): Promise<void> {
  await installPackages(packages, log)
  await ensureBinaries(['kubelet', 'kube-proxy', 'kube-scheduler'], { log })
}

/** Starts containerd, kubelet and kube-proxy, unless they run. Resolves when containerd answers. */
export async function startNode({ host, plane, address, podSubnet, cgroup, owned }: NodeOptions): Promise<void> {
  const state = join(host.home, 'node.json')
  if (existsSync(state) && isAlive(JSON.parse(readFileSync(state, 'utf8')) as ProcessId)) return
  const kubeletKubeconfig = readFileSync(plane.kubeconfigOf(`system:node:${host.name}`), 'utf8')
  writeNodeConfig({ home: host.home, podSubnet, kubeletKubeconfig, proxyKubeconfig: plane.kubeconfigOf(PROXY_USER) })
  const binaries = await ensureBinaries(['kubelet', 'kube-proxy'])
  const enter = [join(import.meta.dirname, 'enter.sh'), cgroup, `${host.pid}`]
  const log = join(host.home, 'node.log')
  const node = await spawnMarked([...enter, host.home, address, binaries.kubelet, binaries['kube-proxy']], {
    dir: host.home,
    log,
    owned,
  })
  const isAnswering = async (): Promise<boolean> => {
    if (!isAlive(node)) throw new FatalError(`the node ${host.name} ended: see ${log}\n${readFileSync(log, 'utf8')}`)
    await runCtr(host, 'images', 'list')
    return true
  }
  await waitUntil(isAnswering, { what: `containerd on ${host.name}`, deadline: 60_000 })
  await importImages(host, [await buildIdleImage(host.home, owned)])
  writeFileSync(state, JSON.stringify({ pid: node.pid, startTime: node.startTime }))
}

/** @param archives paths of archives in the OCI format or that of `docker save` */
export async function importImages(host: Host, archives: readonly string[]): Promise<void> {
  for (const archive of archives) await runCtr(host, 'images', 'import', archive)
}

/**
 * Imports Kubenova's images under another tag, so that a node can have those of two versions whose archives give them
 * the same tag.
 */
export async function importImagesAs(host: Host, archives: readonly string[], tag: string): Promise<void> {
  await importImages(host, archives)
  const names = (await runCtr(host, 'images', 'list', '--quiet')).split('\n')
  for (const name of names) {
    const repository = /^(localhost\/kubenova-\w+):\d/.exec(name)?.[1]
    if (repository === undefined) continue
    await runCtr(host, 'images', 'tag', '--force', name, `${repository}:${tag}`)
    await runCtr(host, 'images', 'remove', name)
  }
}

/** In this namespace of containerd, the kubelet looks for images. */
const runCtr = (host: Host, ...args: string[]): Promise<string> => host.exec(['ctr', '--namespace', 'k8s.io', ...args])
