// A cluster that was given: nothing of it is started. Hosts reach only the cloud's bridge, so a forwarder brings its API server there,
// and the cloud's kubeconfig is the given one with that address. TLS still asks for the name that the certificate has.
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { isIP } from 'node:net'
import { join } from 'node:path'
import { stringify } from 'yaml'
import { ensureBinaries } from './binaries.ts'
import { freePorts } from './ports.ts'
import { isAlive, type ProcessId, runCommand, spawnMarked } from './process.ts'

export interface ExistingClusterOptions {
  /** The cloud's directory. */
  dir: string
  /** The kubeconfig that was given; its current context counts. */
  kubeconfig: string
  /** The cloud's side of its bridge. */
  address: string
  owned: boolean
}

/** TLS takes no address for a name (RFC 6066); this name is in the certificate of every API server. */
const EVERY_SERVER = 'kubernetes.default.svc'

interface Config {
  clusters: { cluster: { server: string; 'tls-server-name'?: string } }[]
}

interface State {
  target: string
  port: number
  forwarder: ProcessId
}

/** Path of the kubeconfig to use. May be repeated: a forwarder that runs is left alone. */
export async function useExistingCluster({ dir, kubeconfig, address, owned }: ExistingClusterOptions): Promise<string> {
  const { kubectl } = await ensureBinaries(['kubectl'])
  const view = [kubectl, 'config', 'view', '--raw', '--minify', '--flatten', '-o', 'json', '--kubeconfig', kubeconfig]
  const config = JSON.parse(await runCommand(view)) as Config
  const cluster = config.clusters[0]?.cluster
  if (!cluster) throw new Error(`${kubeconfig}: its current context names no cluster`)
  const { hostname, port, host } = new URL(cluster.server)
  const state = await startForwarder({ dir, address, owned }, host, hostname, port || '443')
  cluster['tls-server-name'] ??= isIP(hostname.replace(/^\[|\]$/g, '')) ? EVERY_SERVER : hostname
  cluster.server = `https://${address}:${state.port}`
  const file = join(dir, 'kubeconfig')
  writeFileSync(file, stringify(config), { mode: 0o600 })
  return file
}

async function startForwarder(
  { dir, address, owned }: Omit<ExistingClusterOptions, 'kubeconfig'>,
  target: string,
  hostname: string,
  port: string,
): Promise<State> {
  const file = join(dir, 'given.json')
  const before = existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as State) : undefined
  if (before?.target === target && isAlive(before.forwarder)) return before
  mkdirSync(dir, { recursive: true })
  const [listen = 0] = await freePorts(address, 1)
  const argv = [process.execPath, join(import.meta.dirname, 'forward.ts'), address, String(listen), hostname, port]
  const { pid, startTime } = await spawnMarked(argv, { dir, log: join(dir, 'forward.log'), owned })
  const state = { target, port: listen, forwarder: { pid, startTime } }
  writeFileSync(file, JSON.stringify(state))
  return state
}
