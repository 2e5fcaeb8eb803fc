// Who we are to the API server: in a pod, its service account; else a kubeconfig, for which client-node's 80 MB are loaded only if need be.

import { readFile } from 'node:fs/promises'
import type { RequestOptions } from 'node:https'
import type { ConnectionOptions } from 'node:tls'
import { type Clock, systemClock } from './clock.ts'
import { type KubeconfigLogin, kubeconfigPath, readPlainKubeconfig } from './kubeconfig.ts'

/** A server and credentials at this moment; `tls` compares by value to tell when connections must be made anew. */
export interface Credentials {
  headers: Record<string, string>
  tls: ConnectionOptions
}

export interface Auth {
  server: string
  /** The namespace of the context or pod; `default` if it names none. */
  namespace: string
  /** Cheap: credentials are re-read at most every {@link REREAD_MS}. */
  credentials(): Promise<Credentials>
  /** Forget what was read (the server answered 401): the next call reads tokens and runs exec plugins afresh. */
  invalidate(): void
}

export interface AuthOptions {
  /** Path of a kubeconfig; else KUBECONFIG, ~/.kube/config, or the pod's service account. */
  kubeconfig?: string | undefined
  context?: string | undefined
  /** Skip all files: a server with fixed credentials (tests, proxies). */
  server?: string | undefined
  token?: string | undefined
  tls?: ConnectionOptions | undefined
}

/** Bound tokens rotate hourly and certificates daily; both stay valid long after their successor is written. */
const REREAD_MS = 30_000
const POD = '/var/run/secrets/kubernetes.io/serviceaccount'

/** The same server for a bearer of `token` alone: a client certificate of ours would otherwise win over it. */
export function withoutOurs(auth: Auth): Auth {
  return {
    ...auth,
    invalidate: () => undefined, // their token is not ours to renew
    async credentials() {
      const { cert: _cert, key: _key, pfx: _pfx, ...tls } = (await auth.credentials()).tls
      return { headers: {}, tls }
    },
  }
}

const bearerHeader = (token: string): Record<string, string> => ({ authorization: `Bearer ${token.trim()}` })

export async function loadAuth(options: AuthOptions = {}): Promise<Auth> {
  if (options.server) {
    const fixed = { headers: options.token ? bearerHeader(options.token) : {}, tls: options.tls ?? {} }
    return { server: options.server, namespace: 'default', credentials: async () => fixed, invalidate: () => undefined }
  }
  const { KUBERNETES_SERVICE_HOST: host, KUBERNETES_SERVICE_PORT: port, KUBECONFIG } = process.env
  if (!options.kubeconfig && !KUBECONFIG && host && port) return loadInClusterAuth(host, port)
  return loadKubeconfigAuth(options)
}

/** The service account mounted into a pod; `root` is another place for tests. */
export async function loadInClusterAuth(
  host: string,
  port: string,
  root: string = POD,
  clock: Clock = systemClock,
): Promise<Auth> {
  const name = host.includes(':') ? `[${host}]` : host
  const { read, invalidate } = cachedCredentials(
    async () => ({
      headers: bearerHeader(await readFile(`${root}/token`, 'utf8')),
      tls: { ca: await readFile(`${root}/ca.crt`, 'utf8') },
    }),
    clock,
  )
  const namespace = await readFile(`${root}/namespace`, 'utf8').then(
    (text) => text.trim(),
    () => 'default', // absent when a token is projected by hand
  )
  return { server: `https://${name}:${port}`, namespace, credentials: read, invalidate }
}

async function loadKubeconfigAuth(options: AuthOptions): Promise<Auth> {
  const path = kubeconfigPath(options.kubeconfig, process.env)
  const login = path && (await readPlainKubeconfig(path, options.context))
  return path && login ? createFileAuth(path, login, options.context) : loadClientNodeAuth(options)
}

/** A file that needs nothing but reading. */
function createFileAuth(path: string, { server, namespace }: KubeconfigLogin, context: string | undefined): Auth {
  const { read, invalidate } = cachedCredentials(async () => {
    const now = await readPlainKubeconfig(path, context)
    if (!now) throw new Error(`kubeconfig ${path}: it no longer names a cluster and a user with a token or certificate`)
    return { headers: now.headers, tls: now.tls }
  })
  return { server, namespace, credentials: read, invalidate }
}

async function loadClientNodeAuth({ kubeconfig, context }: AuthOptions): Promise<Auth> {
  // Loaded only here: the package's index and generated models cost 0.7 s and 86 MB that few need to pay.
  const { KubeConfig } = await import('@kubernetes/client-node')
  const load = (): InstanceType<typeof KubeConfig> => {
    const config = new KubeConfig()
    if (kubeconfig) config.loadFromFile(kubeconfig)
    else config.loadFromDefault()
    if (context) config.setCurrentContext(context)
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
    return { headers: headersOf(opts), tls: withoutUndefined({ ca, cert, key, servername, rejectUnauthorized }) }
  })
  return {
    server,
    namespace: config.getContextObject(config.currentContext)?.namespace ?? 'default',
    credentials: read,
    invalidate() {
      config = load() // client-node caches tokens inside: only a new KubeConfig runs an exec plugin again
      invalidate()
    },
  }
}

function headersOf(opts: RequestOptions): Record<string, string> {
  const headers: Record<string, string> = {}
  if (opts.auth) headers['authorization'] = `Basic ${Buffer.from(opts.auth).toString('base64')}`
  for (const [name, value] of Object.entries(opts.headers ?? {})) {
    if (value !== undefined) headers[name.toLowerCase()] = String(value)
  }
  return headers
}

const withoutUndefined = (options: ConnectionOptions): ConnectionOptions =>
  Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined))

/** Reads at most once per REREAD_MS, one reader at a time; a failed refresh falls back on what was read before. */
function cachedCredentials(
  load: () => Promise<Credentials>,
  clock: Clock = systemClock,
): { read: () => Promise<Credentials>; invalidate: () => void } {
  let last: Credentials | undefined
  let readAt = -Infinity
  let reading: Promise<Credentials> | undefined
  const refresh = async (): Promise<Credentials> => {
    try {
      last = await load()
      readAt = clock.now()
      return last
    } catch (error) {
      if (last) return last // a file caught in mid-rotation; the old credentials usually still hold
      throw error
    } finally {
      reading = undefined
    }
  }
  return {
    async read() {
      if (last && clock.now() - readAt < REREAD_MS) return last
      reading ??= refresh()
      return reading
    },
    invalidate: () => void (readAt = -Infinity),
  }
}
