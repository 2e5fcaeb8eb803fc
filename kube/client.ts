import { type AuthOptions, loadAuth } from './auth.ts'
import { type Clock, systemClock } from './clock.ts'
import { createMetrics, type Metrics } from './metrics.ts'
import { createResource, type Resource } from './resource.ts'
import { createTransport, type Transport } from './transport.ts'
import type { KubeObject, TypedResourceDef } from './types.ts'

export interface KubeOptions extends AuthOptions {
  userAgent?: string | undefined
  /** Default field manager of this client's writes. If absent: the first word of the user agent. */
  fieldManager?: string | undefined
  /** Time limit in ms of calls that set none; 30 000 by default. */
  timeoutMs?: number | undefined
  /** Number of connections for calls; 32 by default. Each watch has a connection of its own. */
  connections?: number | undefined
  metrics?: Metrics | undefined
  clock?: Clock | undefined
}

export interface ImpersonationConfig {
  user: string
  uid?: string
  groups?: readonly string[]
  extra?: Readonly<Record<string, readonly string[]>>
}

export interface Kube extends AsyncDisposable {
  readonly metrics: Metrics
  readonly clock: Clock
  resource<T extends KubeObject>(def: TypedResourceDef<T>): Resource<T>
  /** The new client uses the same connections. */
  as(impersonated: ImpersonationConfig): Kube
}

/** Reads credentials but opens no connection yet. Rejects if no cluster is configured. */
export async function createKube(options: KubeOptions = {}): Promise<Kube> {
  const { userAgent = 'kubenova', metrics = createMetrics(), clock = systemClock, timeoutMs, connections } = options
  const auth = await loadAuth(options)
  const transport = createTransport({ auth, userAgent, metrics, clock, timeoutMs, connections })
  const fieldManager = options.fieldManager ?? userAgent.split(/[/ ]/)[0] ?? 'kubenova'
  return createClient(transport, fieldManager, { metrics, clock })
}

function createClient(transport: Transport, fieldManager: string, shared: Pick<Kube, 'metrics' | 'clock'>): Kube {
  return {
    ...shared,
    resource: <T extends KubeObject>(def: TypedResourceDef<T>) => createResource<T>(transport, def, fieldManager),
    as: (impersonated) => createClient(transport.withHeaders(impersonationHeaders(impersonated)), fieldManager, shared),
    [Symbol.asyncDispose]: () => transport[Symbol.asyncDispose](),
  }
}

/** One header line per group: the API server would read a comma-separated list as one group (client-node #2474). */
function impersonationHeaders({ user, uid, groups = [], extra = {} }: ImpersonationConfig): [string, string][] {
  return [
    ['impersonate-user', user],
    ...(uid ? [['impersonate-uid', uid] as [string, string]] : []),
    ...groups.map((group): [string, string] => ['impersonate-group', group]),
    ...Object.entries(extra).flatMap(([key, values]) =>
      values.map((value): [string, string] => [`impersonate-extra-${encodeURIComponent(key.toLowerCase())}`, value]),
    ),
  ]
}
