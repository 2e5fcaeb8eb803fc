/**
 * Runs a kubelet with idle Pods, to compare the agent with it. kubelet and containerd mount only in their own mount
 * namespaces. All processes, even those in containers, have the environment variable by which the rig finds and ends
 * them (rig/process.ts).
 */
import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { stringify } from 'yaml'
import type { ApiClient } from '../rig/api.ts'
import { ensureBinaries } from '../rig/binaries.ts'
import { removeCgroups } from '../rig/kubelet/cgroups.ts'
import { buildIdleImage, IDLE_IMAGE } from '../rig/kubelet/idle-image.ts'
import { installPackages } from '../rig/packages.ts'
import { freePorts } from '../rig/ports.ts'
import { endMarkedProcesses, runCommand, spawnMarked } from '../rig/process.ts'
import { waitUntil } from '../rig/wait-until.ts'

export interface KubeletOptions {
  /** The path must be short, because the directory contains UNIX sockets, whose paths are limited to 107 bytes. */
  dir: string
  /** Path of the admin's kubeconfig. */
  kubeconfig: string
  api: ApiClient
  pods: number
  log: (line: string) => void
}

export interface Kubelet extends AsyncDisposable {
  pid: number
  /** Also the user agent of the kubelet's API requests. */
  name: string
}

const NODE = 'pods'
const packages = ['containerd', 'runc', 'busybox-static']

/** undefined: a kubelet cannot run on this machine; the reason is logged. */
export async function startKubeletWithPods(options: KubeletOptions): Promise<Kubelet | undefined> {
  try {
    return await startKubelet(options)
  } catch (error) {
    options.log(`# without kubelet: ${error instanceof Error ? error.message : String(error)}`)
    return undefined
  }
}

async function startKubelet({ dir: parent, kubeconfig, api, pods, log }: KubeletOptions): Promise<Kubelet> {
  await installRuntime(log)
  const { kubelet: program } = await ensureBinaries(['kubelet'], { log })
  const dir = join(parent, 'kubelet')
  const cgroup = `kubenova-bench-${process.pid}`
  mkdirSync(join(dir, 'cni'), { recursive: true })
  await using closing = new AsyncDisposableStack()
  closing.defer(() => removeCgroups((name) => name === cgroup))
  closing.defer(() => endMarkedProcesses(dir))
  await spawnMarked(prepareContainerd(dir), { dir, log: join(dir, 'containerd.log'), owned: true })
  const ctr = ['ctr', '--address', join(dir, 'c.sock'), '--namespace', 'k8s.io', 'images']
  await waitUntil(() => runCommand([...ctr, 'list']), { what: `containerd to answer (${dir}/containerd.log)` })
  await runCommand([...ctr, 'import', await buildIdleImage(dir, true)])
  // The kubelet bind-mounts its directory on itself. In a mount namespace of its own, this mount does not remain on the
  // machine.
  const argv = ['unshare', '--mount', program, `--kubeconfig=${kubeconfig}`, ...(await writeKubeletConfig(dir, cgroup))]
  const kubelet = await spawnMarked(argv, { dir, log: join(dir, 'kubelet.log'), owned: true })
  await runPods(api, pods)
  const owned = closing.move()
  return { pid: kubelet.pid, name: basename(program), [Symbol.asyncDispose]: () => owned.disposeAsync() }
}

async function installRuntime(log: (line: string) => void): Promise<void> {
  if (['/usr/bin/containerd', '/usr/sbin/runc', '/bin/busybox'].every((file) => existsSync(file))) return
  await installPackages(packages, log)
}

/**
 * The shims of containerd always put their sockets in /run/containerd, so the command first mounts a tmpfs there. On
 * some machines, root is not allowed to lower OOM scores. Without `restrict_oom_score_adj`, containers fail on these
 * machines.
 */
function prepareContainerd(dir: string): string[] {
  const config = join(dir, 'containerd.toml')
  const toml = `version = 2
root = "${dir}/root"
state = "${dir}/state"
disabled_plugins = ["io.containerd.internal.v1.opt", "io.containerd.snapshotter.v1.btrfs"]
[grpc]
address = "${dir}/c.sock"
[plugins."io.containerd.grpc.v1.cri"]
sandbox_image = "${IDLE_IMAGE}"
restrict_oom_score_adj = true
[plugins."io.containerd.grpc.v1.cri".cni]
bin_dir = "${dir}/cni"
conf_dir = "${dir}/cni"
`
  writeFileSync(config, toml)
  // A node is ready only with a CNI configuration. The plugin is never called, because all Pods use the host's network.
  const cni = { cniVersion: '1.0.0', name: 'none', plugins: [{ type: 'none' }] }
  writeFileSync(join(dir, 'cni/none.conflist'), JSON.stringify(cni))
  const script = `mkdir -p /run/containerd && mount -t tmpfs tmpfs /run/containerd && exec containerd --config ${config}`
  return ['unshare', '--mount', 'sh', '-c', script]
}

async function writeKubeletConfig(dir: string, cgroup: string): Promise<string[]> {
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

async function runPods(api: ApiClient, count: number): Promise<void> {
  const path = '/api/v1/namespaces/default/pods'
  for (let i = 0; i < count; i++) await api.send('POST', path, makePod(`idle-${i}`))
  const areAllRunning = async () => {
    const { items } = await api.send<{ items: Pod[] }>('GET', path)
    return items.filter(({ status }) => status?.phase === 'Running').length === count
  }
  await waitUntil(areAllRunning, { what: `${count} Pods to run`, deadline: 180_000, every: 1000 })
}

const makePod = (name: string) => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name },
  spec: {
    nodeName: NODE,
    hostNetwork: true,
    automountServiceAccountToken: false,
    containers: [{ name: 'idle', image: IDLE_IMAGE, imagePullPolicy: 'Never' }],
  },
})
