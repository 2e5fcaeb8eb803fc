// @kubernetes/client-node takes 80 MB of memory, so it is loaded only for kubeconfigs that need it, such as those with
// an exec plugin.

import { readFile } from 'node:fs/promises'
import type { RequestOptions } from 'node:https'
import type { ConnectionOptions } from 'node:tls'
import { type Clock, systemClock } from './clock.ts'
import { type KubeconfigLogin, kubeconfigPath, readPlainKubeconfig } from './kubeconfig.ts'

/** If `tls` differs by value from that of the previous request, the connections are replaced. */
export interface Credentials {
  headers: Record<string, string>
  tls: ConnectionOptions
}

export interface Auth {
  server: string
  /** Cheap to call: the credentials are read again only every {@link REREAD_MS}. */
  credentials(): Promise<Credentials>
  /** To be called after a 401: the next call of {@link credentials} reads token files and runs exec plugins again. */
  invalidate(): void
}

export interface AuthOptions {
  /**
   * Path of a kubeconfig. If absent: the one that KUBECONFIG names, else the pod's service account, else
   * ~/.kube/config.
   */
  kubeconfig?: string | undefined
  /**
   * URL of the API server, for tests and proxies. If it is given, no file is read: the client uses this URL and
   * `token`.
   */
  server?: string | undefined
  token?: string | undefined
}

/**
 * Credentials are read again after this time in ms. Bound tokens rotate hourly, certificates daily, and the old ones
 * remain valid much longer than this.
 */
const REREAD_MS = 30_000
const SERVICE_ACCOUNT_DIR = '/var/run/secrets/kubernetes.io/serviceaccount'

const bearerHeader = (token: string): Record<string, string> => ({ authorization: `Bearer ${token.trim()}` })

export async function loadAuth(options: AuthOptions = {}): Promise<Auth> {
  if (options.server) {
    const fixed = { headers: options.token ? bearerHeader(options.token) : {}, tls: {} }
    return { server: options.server, credentials: async () => fixed, invalidate: () => undefined }
  }
  const { KUBERNETES_SERVICE_HOST: host, KUBERNETES_SERVICE_PORT: port, KUBECONFIG } = process.env
  if (!options.kubeconfig && !KUBECONFIG && host && port) return loadInClusterAuth(host, port)
  return loadKubeconfigAuth(options)
}

export function loadInClusterAuth(
  host: string,
  port: string,
  dir: string = SERVICE_ACCOUNT_DIR,
  clock: Clock = systemClock,
): Auth {
  const name = host.includes(':') ? `[${host}]` : host
  const { read, invalidate } = cachedCredentials(
    async () => ({
      headers: bearerHeader(await readFile(`${dir}/token`, 'utf8')),
      tls: { ca: await readFile(`${dir}/ca.crt`, 'utf8') },
    }),
    clock,
  )
  return { server: `https://${name}:${port}`, credentials: read, invalidate }
}

async function loadKubeconfigAuth({ kubeconfig }: AuthOptions): Promise<Auth> {
  const path = kubeconfigPath(kubeconfig, process.env)
  const login = path && (await readPlainKubeconfig(path))
  return path && login ? createFileAuth(path, login) : loadAuthWithClientNodePackage(kubeconfig)
}

/** Creates the Auth for a kubeconfig that has token and certificates in itself, or in files that it names. */
function createFileAuth(path: string, { server }: KubeconfigLogin): Auth {
  const { read, invalidate } = cachedCredentials(async () => {
    const login = await readPlainKubeconfig(path)
    if (login) return { headers: login.headers, tls: login.tls }
    throw new Error(`kubeconfig ${path}: it no longer names a cluster and a user with a token or certificate`)
  })
  return { server, credentials: read, invalidate }
}

async function loadAuthWithClientNodePackage(kubeconfig: string | undefined): Promise<Auth> {
  const { KubeConfig } = await import('@kubernetes/client-node')
  const load = (): InstanceType<typeof KubeConfig> => {
    const config = new KubeConfig()
    if (kubeconfig) config.loadFromFile(kubeconfig)
    else config.loadFromDefault()
    return config
  }
  let config = load()
  const server = config.getCurrentCluster()?.server
  if (!server) {
    throw new Error(
      `kubeconfig ${kubeconfig ?? '(default)'}: context ${JSON.stringify(config.currentContext)} names no cluster`,
    )
  }
  const { read, invalidate } = cachedCredentials(async () => {
    const opts: RequestOptions = {}
    await config.applyToHTTPSOptions(opts)
    const { ca, cert, key, servername, rejectUnauthorized } = opts
    return { headers: headersFrom(opts), tls: withoutUndefined({ ca, cert, key, servername, rejectUnauthorized }) }
  })
  return {
    server,
    credentials: read,
    invalidate() {
      config = load() // a KubeConfig caches the tokens of its exec plugins; only a new KubeConfig runs them again
      invalidate()
    },
  }
}

function headersFrom(opts: RequestOptions): Record<string, string> {
  const headers: Record<string, string> = {}
  if (opts.auth) headers['authorization'] = `Basic ${Buffer.from(opts.auth).toString('base64')}`
  for (const [name, value] of Object.entries(opts.headers ?? {})) {
    if (value !== undefined) headers[name.toLowerCase()] = String(value)
  }
  return headers
}

const withoutUndefined = (options: ConnectionOptions): ConnectionOptions =>
  Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined))

/**
 * `load` is called at most once per {@link REREAD_MS}, one call at a time. If it fails, `read` returns the credentials
 * that were loaded last, and rejects if there are none.
 */
function cachedCredentials(
  load: () => Promise<Credentials>,
  clock: Clock = systemClock,
): { read: () => Promise<Credentials>; invalidate: () => void } {
  let last: Credentials | undefined
  let loadedAt = -Infinity
  let loading: Promise<Credentials> | undefined
  const reload = async (): Promise<Credentials> => {
    try {
      last = await load()
      loadedAt = clock.now()
      return last
    } catch (error) {
      if (last) return last // another process may be replacing the file; the old credentials usually still work
      throw error
    } finally {
      loading = undefined
    }
  }
  return {
    async read() {
      if (last && clock.now() - loadedAt < REREAD_MS) return last
      loading ??= reload()
      return loading
    },
    invalidate: () => void (loadedAt = -Infinity),
  }
}
