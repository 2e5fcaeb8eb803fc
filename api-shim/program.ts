import { readFileSync } from 'node:fs'
import { refuseOldDefinitions, version } from '../crds/index.ts'
import { parseAddress } from '../kube/address.ts'
import { createKube, type Kube } from '../kube/client.ts'
import { definitionReader } from '../kube/definitions.ts'
import { serveHealthAndMetrics } from '../kube/health-server.ts'
import { createLog, type Log } from '../kube/log.ts'
import { largeHeapPolicy, startPeriodicGc } from '../kube/periodic-gc.ts'
import { runMain } from '../kube/process.ts'
import { readOptionsOrExit } from '../kube/program-options.ts'
import { createStores, startStores, unsyncedStores } from '../kube/store.ts'
import { EmbeddedIdentity } from './identity/embedded/backend.ts'
import { createNoAuth, NO_AUTH_USER } from './identity/no-auth.ts'
import { ImageFiles } from './images/files.ts'
import { ShimOptions } from './options.ts'
import { createServer, type ServerOptions } from './server.ts'
import type { Authenticator, Services } from './services.ts'
import { createAccess } from './state/access.ts'
import { Heartbeats } from './state/heartbeats.ts'
import { Hosts } from './state/hosts.ts'
import { State } from './state/state.ts'
import { kubenovaPlurals, storeDefs } from './state/stores.ts'

/** Runs until the process gets SIGTERM or SIGINT. Requests that are under way are answered first. */
export async function runShimProgram(): Promise<void> {
  const options = readOptionsOrExit(ShimOptions, "Serves OpenStack's APIs over Kubenova's resources.")
  const log = createLog({ level: options.logLevel, fields: { component: 'api-shim' } })
  await runMain((signal) => serveUntilStopped(options, log, signal), { log })
}

async function serveUntilStopped(options: ShimOptions, log: Log, signal: AbortSignal): Promise<void> {
  const { kubeconfig, metricsAddress, listenAddress, region, publicUrl, namespace } = options
  await using kube = await createKube({ userAgent: 'kubenova-api-shim', ...(kubeconfig ? { kubeconfig } : {}) })
  await refuseOldDefinitions(kubenovaPlurals, version, definitionReader(kube, log, signal))
  using _periodicGc = startPeriodicGc(kube.clock, largeHeapPolicy)
  const stores = createStores(storeDefs, { kube, log })
  const state = new State({ kube, stores, access: createAccess(kube) })
  let isServing = false
  const checkReady = (): void => {
    const missing = unsyncedStores(stores)
    if (missing.length > 0) throw new Error(`caches are not filled: ${missing.join(', ')}`)
    if (!isServing) throw new Error('the APIs are not served yet, or not any more')
  }
  await using _health = await serveHealthAndMetrics({
    ...parseAddress(metricsAddress),
    metrics: kube.metrics,
    ready: { serving: checkReady },
  })
  await startStores(stores, signal)
  const identity = await startIdentity({ options, kube, state, log, signal })
  const imageFiles = await startImageFiles(options, state, log, signal)
  const services: Services = {
    state,
    ...identity,
    namespace,
    heartbeats: new Heartbeats(kube, namespace),
    hosts: new Hosts(kube, namespace),
    ...(imageFiles ? { imageFiles } : {}),
    region,
    hasPasswords: options.enableInstancePassword,
    clock: kube.clock,
    log,
    publicUrl: withoutSlash(publicUrl),
  }
  const app = createServer(services, { ...tlsOptions(options), trustProxy: options.trustProxy })
  await app.listen(parseAddress(listenAddress))
  isServing = true
  log.info({ listenAddress }, 'serving')
  await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }))
  isServing = false
  await app.close()
}

const withoutSlash = (address: string | undefined): string | undefined => address?.replace(/\/+$/, '')

async function startImageFiles(
  { imageDir, imageMaxGib, imageUrl, publicUrl }: ShimOptions,
  state: State,
  log: Log,
  signal: AbortSignal,
): Promise<ImageFiles | undefined> {
  if (imageDir === undefined) return undefined
  const files = new ImageFiles({
    dir: imageDir,
    maxBytes: imageMaxGib * 2 ** 30,
    address: withoutSlash(imageUrl ?? publicUrl),
    projectIdOf: (namespace) => state.projectOf(namespace).id,
  })
  await files.start()
  files.collectUntil(signal, () => state.unchecked.images.cache.list(), log)
  return files
}

interface IdentityContext {
  options: ShimOptions
  kube: Kube
  state: State
  log: Log
  signal: AbortSignal
}

/** Milliseconds between the warnings of a shim that runs without authentication. */
const WARNING_INTERVAL_MS = 60_000

async function startIdentity({
  options,
  kube,
  state,
  log,
  signal,
}: IdentityContext): Promise<{ authenticator: Authenticator; identity?: EmbeddedIdentity }> {
  const { namespace, tokenSeconds, authType, noAuthNamespace } = options
  if (authType === 'embedded') {
    const identity = new EmbeddedIdentity({ kube, state, namespace, tokenSeconds, log })
    await identity.start(signal)
    return { authenticator: identity, identity }
  }
  const warn = (): void =>
    log.warn({ user: NO_AUTH_USER }, 'authType is none: whoever reaches this address is an administrator')
  warn()
  const timer = setInterval(warn, WARNING_INTERVAL_MS).unref()
  signal.addEventListener('abort', () => clearInterval(timer), { once: true })
  return { authenticator: createNoAuth(state, noAuthNamespace) }
}

function tlsOptions({ tlsCert, tlsKey }: ShimOptions): Pick<ServerOptions, 'https'> {
  if (tlsCert === undefined || tlsKey === undefined) return {}
  return { https: { cert: readFileSync(tlsCert), key: readFileSync(tlsKey) } }
}
