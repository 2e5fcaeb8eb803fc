// The way in: one client per process, a typed handle per kind.

import { type AuthOptions, loadAuth } from './auth.ts'
import { type Clock, systemClock } from './clock.ts'
import { createMetrics, type Metrics } from './metrics.ts'
import { createResource, type Resource } from './resource.ts'
import { createTransport, type Transport } from './transport.ts'
import type { KubeObject, TypedResourceDef } from './types.ts'

export interface KubeOptions extends AuthOptions {
  userAgent?: string | undefined
  /** Owner of the fields this client writes, unless a call names another; the user agent's first word if absent. */
  fieldManager?: string | undefined
  /** Bounds calls that name no timeout (30 000). */
  timeoutMs?: number | undefined
  /** Parallel calls, watches apart (32). */
  connections?: number | undefined
  metrics?: Metrics | undefined
  clock?: Clock | undefined
}

/** On whose behalf calls are made (`Impersonate-*`): RBAC and the audit log see this person. */
export interface ImpersonationConfig {
  user: string
  uid?: string
  groups?: readonly string[]
  extra?: Readonly<Record<string, readonly string[]>>
}

export interface Kube extends AsyncDisposable {
  /** The namespace of the kubeconfig's context, or of the pod. */
  readonly namespace: string
  readonly fieldManager: string
  readonly metrics: Metrics
  /** What whoever works with this client goes by: the system's, but in tests. */
  readonly clock: Clock
  resource<T extends KubeObject>(def: TypedResourceDef<T>): Resource<T>
  /** The same client acting as someone else. */
  as(person: ImpersonationConfig): Kube
  /** The same client with a caller's own token in place of ours. */
  withToken(token: string): Kube
  /** Any other path (`/version`, `/readyz`), answered as JSON. */
  raw<T>(path: string, options?: { signal?: AbortSignal; timeoutMs?: number }): Promise<T>
  /** Any JSON POST without a handle of its own (TokenReview, SubjectAccessReview, `serviceaccounts/x/token`). */
  post<T>(path: string, body: unknown, options?: { signal?: AbortSignal; timeoutMs?: number }): Promise<T>
}

/** Reads credentials, opens no connection yet. Rejects when no cluster is configured. */
export async function createKube(options: KubeOptions = {}): Promise<Kube> {
  const { userAgent = 'kubenova', metrics = createMetrics(), clock = systemClock } = options
  const auth = await loadAuth(options)
  const transport = createTransport({
    auth,
    userAgent,
    metrics,
    clock,
    timeoutMs: options.timeoutMs,
    connections: options.connections,
  })
  const fieldManager = options.fieldManager ?? userAgent.split(/[/ ]/)[0] ?? 'kubenova'
  return createClient(transport, fieldManager, { metrics, clock })
}

function createClient(transport: Transport, fieldManager: string, own: Pick<Kube, 'metrics' | 'clock'>): Kube {
  return {
    ...own,
    namespace: transport.auth.namespace,
    fieldManager,
    resource: <T extends KubeObject>(def: TypedResourceDef<T>) => createResource<T>(transport, def, fieldManager),
    as: (person) => createClient(transport.withHeaders(impersonationHeaders(person)), fieldManager, own),
    withToken: (token) => createClient(transport.withToken(token), fieldManager, own),
    raw: (path, call = {}) => transport.json({ ...call, method: 'GET', path }),
    post: (path, body, call = {}) => transport.json({ ...call, method: 'POST', path, body }),
    [Symbol.asyncDispose]: () => transport[Symbol.asyncDispose](),
  }
}

/** One header line per group: joined by commas they would be one group (client-node #2474). */
export function impersonationHeaders({ user, uid, groups = [], extra = {} }: ImpersonationConfig): [string, string][] {
  return [
    ['impersonate-user', user],
    ...(uid ? [['impersonate-uid', uid] as [string, string]] : []),
    ...groups.map((group): [string, string] => ['impersonate-group', group]),
    ...Object.entries(extra).flatMap(([key, values]) =>
      values.map((value): [string, string] => [`impersonate-extra-${encodeURIComponent(key.toLowerCase())}`, value]),
    ),
  ]
}
