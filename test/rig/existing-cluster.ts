// Lets a cloud use an existing cluster. The hosts reach only the cloud's bridge, so a forwarder there passes
// connections on to the cluster's API server. The cloud's kubeconfig has the forwarder's address, and a TLS server name
// for which the cluster's certificate is valid.
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
  /** Kubeconfig of the existing cluster. Its current context is used. */
  kubeconfig: string
  address: string
  owned: boolean
}

/**
 * Used if the cluster's URL has an IP address, which cannot be a TLS server name (RFC 6066). The certificate of every
 * API server is valid for this name.
 */
const COMMON_SERVER_NAME = 'kubernetes.default.svc'

interface Config {
  clusters: { cluster: { server: string; 'tls-server-name'?: string } }[]
}

interface ForwarderState {
  target: string
  port: number
  forwarder: ProcessId
}

/** Starts the forwarder unless it runs. Returns the path of the cloud's kubeconfig. */
export async function useExistingCluster({ dir, kubeconfig, address, owned }: ExistingClusterOptions): Promise<string> {
  const { kubectl } = await ensureBinaries(['kubectl'])
  const view = [kubectl, 'config', 'view', '--raw', '--minify', '--flatten', '-o', 'json', '--kubeconfig', kubeconfig]
  const config = JSON.parse(await runCommand(view)) as Config
  const cluster = config.clusters[0]?.cluster
  if (!cluster) throw new Error(`${kubeconfig}: its current context names no cluster`)
  const { hostname, port, host } = new URL(cluster.server)
  const state = await startForwarder({ dir, address, owned }, host, hostname, port || '443')
  cluster['tls-server-name'] ??= isIP(hostname.replace(/^\[|\]$/g, '')) ? COMMON_SERVER_NAME : hostname
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
): Promise<ForwarderState> {
  const file = join(dir, 'given.json')
  const last = existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as ForwarderState) : undefined
  if (last?.target === target && isAlive(last.forwarder)) return last
  mkdirSync(dir, { recursive: true })
  const [listen = 0] = await freePorts(address, 1)
  const argv = [process.execPath, join(import.meta.dirname, 'forward.ts'), address, String(listen), hostname, port]
  const { pid, startTime } = await spawnMarked(argv, { dir, log: join(dir, 'forward.log'), owned })
  const state = { target, port: listen, forwarder: { pid, startTime } }
  writeFileSync(file, JSON.stringify(state))
  return state
}
