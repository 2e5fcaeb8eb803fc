/**
 * kubelet, the agent's nearest kin: a node of the same cluster with Pods that sit still, by containerd and runc of Debian. No registry is
 * asked: their one image is made here of busybox. Mounts are in namespaces of its processes. Those bear the rig's mark, also in the containers.
 */
import { createHash } from 'node:crypto'
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { stringify } from 'yaml'
import type { ApiClient } from '../rig/api.ts'
import { ensureBinaries } from '../rig/binaries.ts'
import { installPackages } from '../rig/packages.ts'
import { freePorts } from '../rig/ports.ts'
import { endMarkedProcesses, markEnv, runCommand, spawnMarked } from '../rig/process.ts'
import { waitUntil } from '../rig/wait-until.ts'

export interface KubeletOptions {
  /** Takes all that it writes; short, for UNIX sockets lie in it. */
  dir: string
  /** Of an admin. */
  kubeconfig: string
  api: ApiClient
  pods: number
  log: (line: string) => void
}

export interface Kubelet extends AsyncDisposable {
  pid: number
  /** How it calls itself to the API server: as its file is called. */
  name: string
}

const NODE = 'pods'
const IMAGE = 'kubenova.io/bench/idle:1'
const CGROUPS = '/sys/fs/cgroup'
const packages = ['containerd', 'runc', 'busybox-static']

/** A kubelet whose Pods run. Undefined: this machine cannot have it, and the log says why. */
export async function kubeletWithPods(options: KubeletOptions): Promise<Kubelet | undefined> {
  try {
    return await start(options)
  } catch (error) {
    options.log(`# without kubelet: ${error instanceof Error ? error.message : String(error)}`)
    return undefined
  }
}

async function start({ dir: parent, kubeconfig, api, pods, log }: KubeletOptions): Promise<Kubelet> {
  await install(log)
  const { kubelet: program } = await ensureBinaries(['kubelet'], { log })
  const dir = join(parent, 'kubelet')
  const cgroup = `kubenova-bench-${process.pid}`
  mkdirSync(join(dir, 'cni'), { recursive: true })
  await using closing = new AsyncDisposableStack()
  closing.defer(() => removeCgroups(cgroup))
  closing.defer(() => endMarkedProcesses(dir))
  await spawnMarked(containerdCommand(dir), { dir, log: join(dir, 'containerd.log'), owned: true })
  const ctr = ['ctr', '--address', join(dir, 'c.sock'), '--namespace', 'k8s.io', 'images']
  await waitUntil(() => runCommand([...ctr, 'list']), { what: `containerd to answer (${dir}/containerd.log)` })
  await runCommand([...ctr, 'import', await imageArchive(dir)])
  // Its directory it mounts on itself.
  const argv = ['unshare', '--mount', program, `--kubeconfig=${kubeconfig}`, ...(await kubeletFlags(dir, cgroup))]
  const kubelet = await spawnMarked(argv, { dir, log: join(dir, 'kubelet.log'), owned: true })
  await runPods(api, pods)
  const owned = closing.move()
  return { pid: kubelet.pid, name: basename(program), [Symbol.asyncDispose]: () => owned.disposeAsync() }
}

async function install(log: (line: string) => void): Promise<void> {
  if (['/usr/bin/containerd', '/usr/sbin/runc', '/bin/busybox'].every((file) => existsSync(file))) return
  await installPackages(packages, log)
}

/** Its shims have their sockets in /run/containerd, wherever its own are. Where root may not protect processes from the kernel's killer, none are. */
function containerdCommand(dir: string): string[] {
  const config = join(dir, 'containerd.toml')
  const toml = `version = 2
root = "${dir}/root"
state = "${dir}/state"
disabled_plugins = ["io.containerd.internal.v1.opt", "io.containerd.snapshotter.v1.btrfs"]
[grpc]
address = "${dir}/c.sock"
[plugins."io.containerd.grpc.v1.cri"]
sandbox_image = "${IMAGE}"
restrict_oom_score_adj = true
[plugins."io.containerd.grpc.v1.cri".cni]
bin_dir = "${dir}/cni"
conf_dir = "${dir}/cni"
`
  writeFileSync(config, toml)
  // Nothing runs it, for all Pods are in the host's network; without it the node would not be ready.
  const cni = { cniVersion: '1.0.0', name: 'none', plugins: [{ type: 'none' }] }
  writeFileSync(join(dir, 'cni/none.conflist'), JSON.stringify(cni))
  const script = `mkdir -p /run/containerd && mount -t tmpfs tmpfs /run/containerd && exec containerd --config ${config}`
  return ['unshare', '--mount', 'sh', '-c', script]
}

/** An image of busybox alone that does nothing, as docker save would write it. */
async function imageArchive(dir: string): Promise<string> {
  const at = join(dir, 'image')
  mkdirSync(join(at, 'root/bin'), { recursive: true })
  cpSync('/bin/busybox', join(at, 'root/bin/busybox'))
  await runCommand(['tar', '--create', '--file', join(at, 'layer.tar'), '--directory', join(at, 'root'), '.'])
  const layer = createHash('sha256')
    .update(readFileSync(join(at, 'layer.tar')))
    .digest('hex')
  const config = {
    architecture: process.arch === 'x64' ? 'amd64' : process.arch,
    os: 'linux',
    config: {
      Entrypoint: ['/bin/busybox', 'tail', '-f', '/dev/null'],
      Env: Object.entries(markEnv(dir, true)).map(([name, value]) => `${name}=${value}`),
    },
    rootfs: { type: 'layers', diff_ids: [`sha256:${layer}`] },
  }
  const manifest = [{ Config: 'config.json', RepoTags: [IMAGE], Layers: ['layer.tar'] }]
  writeFileSync(join(at, 'config.json'), JSON.stringify(config))
  writeFileSync(join(at, 'manifest.json'), JSON.stringify(manifest))
  const archive = join(dir, 'image.tar')
  await runCommand([
    'tar',
    '--create',
    '--file',
    archive,
    '--directory',
    at,
    'manifest.json',
    'config.json',
    'layer.tar',
  ])
  return archive
}

async function kubeletFlags(dir: string, cgroup: string): Promise<string[]> {
  const [port, healthzPort] = await freePorts('127.0.0.1', 2)
  const config = join(dir, 'kubelet.yaml')
  const configuration = {
    apiVersion: 'kubelet.config.k8s.io/v1beta1',
    kind: 'KubeletConfiguration',
    address: '127.0.0.1',
    port,
    healthzPort,
    authentication: { anonymous: { enabled: false }, webhook: { enabled: false } },
    authorization: { mode: 'AlwaysAllow' },
    containerRuntimeEndpoint: `unix://${dir}/c.sock`,
    podLogsDir: join(dir, 'logs'),
    volumePluginDir: join(dir, 'plugins'),
    maxPods: 500,
    cgroupDriver: 'cgroupfs',
    cgroupRoot: `/${cgroup}`,
    cgroupsPerQOS: false,
    enforceNodeAllocatable: [],
    failCgroupV1: false,
    failSwapOn: false,
  }
  writeFileSync(config, stringify(configuration))
  return [`--config=${config}`, `--root-dir=${dir}/lib`, `--cert-dir=${dir}/pki`, `--hostname-override=${NODE}`]
}

interface Pod {
  status?: { phase?: string }
}

/** Makes the Pods and waits until all run. */
async function runPods(api: ApiClient, count: number): Promise<void> {
  const path = '/api/v1/namespaces/default/pods'
  for (let i = 0; i < count; i++) await api.send('POST', path, pod(`idle-${i}`))
  const look = async () => {
    const { items } = await api.send<{ items: Pod[] }>('GET', path)
    return items.filter(({ status }) => status?.phase === 'Running').length === count
  }
  await waitUntil(look, { what: `${count} Pods to run`, deadline: 180_000, every: 1000 })
}

const pod = (name: string) => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name },
  spec: {
    nodeName: NODE,
    hostNetwork: true,
    automountServiceAccountToken: false,
    containers: [{ name: 'idle', image: IMAGE, imagePullPolicy: 'Never' }],
  },
})

/** What containers leave that are killed. */
async function removeCgroups(name: string): Promise<void> {
  const places = [CGROUPS, ...readdirSync(CGROUPS).map((entry) => join(CGROUPS, entry))]
  const roots = places.map((place) => join(place, name)).filter((path) => existsSync(path))
  const remove = (path: string): void => {
    for (const entry of readdirSync(path, { withFileTypes: true }))
      if (entry.isDirectory()) remove(join(path, entry.name))
    rmdirSync(path)
  }
  const all = () => {
    for (const root of roots) if (existsSync(root)) remove(root)
    return true
  }
  await waitUntil(all, { what: `cgroups ${name} to be removed` })
}
