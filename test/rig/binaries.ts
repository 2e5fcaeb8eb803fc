// Provides binaries for tests from the first of five sources: environment variable, PATH (if the version fits), cache,
// official download, build from Go modules (pinned in binaries/*/go.mod and go.sum).
import { createHash } from 'node:crypto'
import { accessSync, chmodSync, constants, mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { delimiter, join } from 'node:path'
import { buildFromModules } from './binaries/build.ts'
import { runCommand } from './process.ts'

const kubernetes = {
  version: 'v1.36.3',
  module: 'kubernetes',
  ldflags: '-s -w -X k8s.io/component-base/version.gitVersion=v1.36.3',
} as const

/** Flux publishes these programs only in images, and they do not tell their version. Only `make gitops` uses them. */
const flux = { version: 'v1.9.3', module: 'flux', ldflags: '-s -w', isOnlyBuilt: true } as const

/** A binary on the PATH is called with the arguments `ask`, and is accepted only if its output matches `fits`. */
const binaries = {
  etcd: {
    version: 'v3.6.6',
    module: 'etcd',
    ldflags: '-s -w',
    source: 'go.etcd.io/etcd/server/v3',
    fits: /etcd Version: 3\.6\./,
    ask: ['--version'],
    variable: 'KUBENOVA_ETCD',
  },
  'kube-apiserver': {
    ...kubernetes,
    source: 'k8s.io/kubernetes/cmd/kube-apiserver',
    fits: /Kubernetes v1\.36\./,
    ask: ['--version'],
    variable: 'KUBENOVA_KUBE_APISERVER',
  },
  'kube-controller-manager': {
    ...kubernetes,
    source: 'k8s.io/kubernetes/cmd/kube-controller-manager',
    fits: /Kubernetes v1\.36\./,
    ask: ['--version'],
    variable: 'KUBENOVA_KUBE_CONTROLLER_MANAGER',
  },
  'kube-scheduler': {
    ...kubernetes,
    source: 'k8s.io/kubernetes/cmd/kube-scheduler',
    fits: /Kubernetes v1\.36\./,
    ask: ['--version'],
    variable: 'KUBENOVA_KUBE_SCHEDULER',
  },
  kubelet: {
    ...kubernetes,
    source: 'k8s.io/kubernetes/cmd/kubelet',
    fits: /Kubernetes v1\.36\./,
    ask: ['--version'],
    variable: 'KUBENOVA_KUBELET',
  },
  'kube-proxy': {
    ...kubernetes,
    source: 'k8s.io/kubernetes/cmd/kube-proxy',
    fits: /Kubernetes v1\.36\./,
    ask: ['--version'],
    variable: 'KUBENOVA_KUBE_PROXY',
  },
  kubectl: {
    ...kubernetes,
    source: 'k8s.io/kubernetes/cmd/kubectl',
    fits: /Client Version: v1\.36\./,
    ask: ['version', '--client'],
    variable: 'KUBENOVA_KUBECTL',
  },
  helm: {
    version: 'v3.22.0',
    module: 'helm',
    ldflags: '-s -w -X helm.sh/helm/v3/internal/version.version=v3.22.0',
    source: 'helm.sh/helm/v3/cmd/helm',
    fits: /Version:"v3\.22\./,
    ask: ['version'],
    variable: 'KUBENOVA_HELM',
  },
  // One binary is the command line and all servers of Argo CD. Only `make gitops` uses it.
  argocd: {
    version: 'v3.2.11',
    module: 'argocd',
    ldflags: '-s -w -X github.com/argoproj/argo-cd/v3/common.version=3.2.11',
    source: 'github.com/argoproj/argo-cd/v3/cmd',
    fits: /argocd: v3\.2\./,
    ask: ['version', '--client', '--short'],
    variable: 'KUBENOVA_ARGOCD',
  },
  'source-controller': {
    ...flux,
    source: 'github.com/fluxcd/source-controller',
    variable: 'KUBENOVA_SOURCE_CONTROLLER',
  },
  'kustomize-controller': {
    ...flux,
    source: 'github.com/fluxcd/kustomize-controller',
    variable: 'KUBENOVA_KUSTOMIZE_CONTROLLER',
  },
} as const

export type Binary = keyof typeof binaries

/** Base URLs of the downloads. */
interface Mirrors {
  kubernetes: string
  etcd: string
  helm: string
  argocd: string
}

export interface BinaryOptions {
  log?: (line: string) => void
  env?: NodeJS.ProcessEnv
  /** Base URLs of the downloads. Default: the official sites. */
  mirrors?: Mirrors
}

const official: Mirrors = {
  kubernetes: 'https://dl.k8s.io/release',
  etcd: 'https://github.com/etcd-io/etcd/releases/download',
  helm: 'https://get.helm.sh',
  argocd: 'https://github.com/argoproj/argo-cd/releases/download',
}

export async function ensureBinaries<B extends Binary>(
  names: readonly B[],
  options: BinaryOptions = {},
): Promise<Record<B, string>> {
  const found: Partial<Record<B, string>> = {}
  // One build already uses all CPUs, so concurrent builds would not be faster.
  for (const name of names) found[name] = await ensureBinary(name, options)
  return found as Record<B, string>
}

async function ensureBinary(name: Binary, options: BinaryOptions): Promise<string> {
  const { env = process.env, log = (line) => console.error(line) } = options
  const { variable, version } = binaries[name]
  const fromVariable = env[variable]
  if (fromVariable) {
    if (!isExecutable(fromVariable)) throw new Error(`${variable}=${fromVariable}: no such executable`)
    return fromVariable
  }
  const onPath = await findOnPath(name, env)
  if (onPath) return onPath
  const cached = join(cacheDirectory(env), `${name}-${version}`)
  if (isExecutable(cached)) return cached
  mkdirSync(cacheDirectory(env), { recursive: true })
  if (!('isOnlyBuilt' in binaries[name]) && (await downloadBinary(name, cached, options.mirrors ?? official, log)))
    return cached
  await buildBinary(name, cached, log)
  return cached
}

/** kubenova/bin in XDG_CACHE_HOME, by default in ~/.cache. */
export function cacheDirectory(env: NodeJS.ProcessEnv = process.env): string {
  return join(env['XDG_CACHE_HOME'] || join(homedir(), '.cache'), 'kubenova', 'bin')
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK)
    return true
  } catch {
    return false
  }
}

async function findOnPath(name: Binary, env: NodeJS.ProcessEnv): Promise<string | undefined> {
  const binary = binaries[name]
  if ('isOnlyBuilt' in binary) return undefined
  const { ask, fits } = binary
  const places = (env['PATH'] ?? '').split(delimiter).filter(Boolean)
  const file = places.map((place) => join(place, name)).find(isExecutable)
  if (!file) return undefined
  const output = await runCommand([file, ...ask], { timeout: 10_000 }).catch(() => '')
  return fits.test(output) ? file : undefined
}

const architecture = () => (process.arch === 'arm64' ? 'arm64' : 'amd64')

/**
 * `file`: URL of the download, which is an archive for etcd and Helm. `sums`: URL of the text with its SHA-256 sum.
 * `entry`: the download's name in that text; empty if the text has only one sum, without a name.
 */
function downloadUrlsOf(name: Binary, mirrors: Mirrors): { file: string; sums: string; entry: string } {
  const { version } = binaries[name]
  if (name === 'etcd') {
    const entry = `etcd-${version}-linux-${architecture()}.tar.gz`
    return { file: `${mirrors.etcd}/${version}/${entry}`, sums: `${mirrors.etcd}/${version}/SHA256SUMS`, entry }
  }
  if (name === 'helm') {
    const entry = `helm-${version}-linux-${architecture()}.tar.gz`
    return { file: `${mirrors.helm}/${entry}`, sums: `${mirrors.helm}/${entry}.sha256sum`, entry }
  }
  if (name === 'argocd') {
    const entry = `argocd-linux-${architecture()}`
    return {
      file: `${mirrors.argocd}/${version}/${entry}`,
      sums: `${mirrors.argocd}/${version}/cli_checksums.txt`,
      entry,
    }
  }
  const file = `${mirrors.kubernetes}/${version}/bin/linux/${architecture()}/${name}`
  return { file, sums: `${file}.sha256`, entry: '' }
}

/** Resolves to false if the site cannot be reached or does not have the file. Rejects if the checksum is wrong. */
async function downloadBinary(
  name: Binary,
  target: string,
  mirrors: Mirrors,
  log: (line: string) => void,
): Promise<boolean> {
  const { file, sums, entry } = downloadUrlsOf(name, mirrors)
  // The checksum is small, so a short timeout is enough to find out whether the site can be reached.
  const sum = findSum(await fetchText(sums, 4_000), entry)
  if (!sum) return false
  log(`${name}: downloading ${file}`)
  const response = await fetch(file, { signal: AbortSignal.timeout(600_000) })
  if (!response.ok) return false
  const bytes = Buffer.from(await response.arrayBuffer())
  const actual = createHash('sha256').update(bytes).digest('hex')
  if (actual !== sum) throw new Error(`${file}: SHA-256 is ${actual}, ${sums} says ${sum}`)
  await (file.endsWith('.tar.gz')
    ? unpackBinary(bytes, name, target)
    : writeExecutable(target, (fresh) => writeFileSync(fresh, bytes)))
  return true
}

async function fetchText(url: string, timeout: number): Promise<string | undefined> {
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(timeout) })
    return response.ok ? await response.text() : undefined
  } catch {
    return undefined
  }
}

/** Lines have the form `SUM NAME`. An empty `entry` finds the sum without a name. undefined: there is no such line. */
export function findSum(sums: string | undefined, entry: string): string | undefined {
  for (const line of (sums ?? '').split('\n')) {
    const [sum = '', name = ''] = line.trim().split(/\s+/)
    if (name === entry && /^[0-9a-f]{64}$/.test(sum)) return sum
  }
  return undefined
}

async function unpackBinary(archive: Buffer, name: string, target: string): Promise<void> {
  const scratch = `${target}.${process.pid}.tar.gz`
  writeFileSync(scratch, archive)
  try {
    const listed = (await runCommand(['tar', '-tzf', scratch])).split('\n').find((path) => path.endsWith(`/${name}`))
    if (!listed) throw new Error(`the archive holds no ${name}`)
    await writeExecutable(target, async (fresh) => {
      await runCommand(['sh', '-c', 'tar -xzf "$1" -O "$2" >"$3"', 'unpack', scratch, listed, fresh])
    })
  } finally {
    rmSync(scratch, { force: true })
  }
}

async function buildBinary(name: Binary, target: string, log: (line: string) => void): Promise<void> {
  const { module, source, ldflags } = binaries[name]
  await writeExecutable(target, (fresh) => buildFromModules({ name, module, source, ldflags, target: fresh, log }))
}

async function writeExecutable(target: string, make: (fresh: string) => void | Promise<void>): Promise<void> {
  const fresh = `${target}.${process.pid}`
  try {
    await make(fresh)
    chmodSync(fresh, 0o755)
    renameSync(fresh, target)
  } finally {
    rmSync(fresh, { force: true })
  }
}
