import { API_VERSION, GROUP, VERSION } from '../../crds/index.ts'
import type { ApiClient } from '../rig/api.ts'

export const systemNamespace = 'kubenova-system'
export const groupPath = `/apis/${GROUP}/${VERSION}`

export type Attempt = (api: ApiClient) => Promise<unknown>

export const mergePatch =
  (path: string, body: object): Attempt =>
  (api) =>
    api.send('PATCH', path, body, 'application/merge-patch+json')
export const postObject =
  (path: string, body: object): Attempt =>
  (api) =>
    api.send('POST', path, body)
export const getText =
  (path: string): Attempt =>
  (api) =>
    api.text(path)
export const deleteObject =
  (path: string): Attempt =>
  (api) =>
    api.send('DELETE', path)
/** A server-side apply with force, which takes over the fields of other managers. */
export const forceApply =
  (path: string, body: object, manager = 'kubenova-agent/h1'): Attempt =>
  (api) =>
    api.send('PATCH', `${path}?force=true&fieldManager=${manager}`, body, 'application/apply-patch+yaml')

export const namespacePath = `${groupPath}/namespaces/default`
export const serverPath = (name: string): string => `${namespacePath}/servers/${name}`
export const serverStatusPath = (name: string): string => `${serverPath(name)}/status`
export const hypervisorPath = (name: string): string => `${groupPath}/hypervisors/${name}`
export const leasePath = (name: string, namespace = systemNamespace): string =>
  `/apis/coordination.k8s.io/v1/namespaces/${namespace}/leases/${name}`
export const hostSecretPath = (name: string): string => `${namespacePath}/hostsecrets/${name}`
export const actionPath = (name: string): string => `${namespacePath}/serveractions/${name}`
export const eventsPath = '/apis/events.k8s.io/v1/namespaces/default/events'

export const makeObject = (kind: string, name: string, more: object = {}): object => ({
  apiVersion: API_VERSION,
  kind,
  metadata: { name },
  ...more,
})
export const makeLease = (name: string, holder = `${name}_a`): object => ({
  apiVersion: 'coordination.k8s.io/v1',
  kind: 'Lease',
  metadata: { name, labels: { 'compute.kubenova.io/component': 'agent' } },
  spec: { holderIdentity: holder, leaseDurationSeconds: 3600 },
})
export const makeEvent = (instance: string): object => ({
  metadata: { name: 'from-a-thief' },
  eventTime: '2026-01-01T00:00:00.000000Z',
  reportingController: 'kubenova.io/agent',
  reportingInstance: instance,
  type: 'Normal',
  reason: 'Create',
  action: 'create',
  regarding: { kind: 'Server', namespace: 'default', name: 'theirs' },
})
export const makeActionRecord = (
  server: string,
  host: string,
  more: { status?: object; spec?: object; owner?: string } = {},
): object => ({
  apiVersion: API_VERSION,
  kind: 'ServerAction',
  metadata: {
    name: `${server}-99`,
    ownerReferences: [{ apiVersion: API_VERSION, kind: 'Server', name: more.owner ?? server, uid: 'u' }],
  },
  spec: { server, action: 'stop', ...more.spec },
  status: more.status ?? {
    phase: 'Succeeded',
    host,
    events: [{ event: 'compute_stop_instance', host, startTime: now }],
  },
})
export const now = '2026-01-01T00:00:00Z'
export const condition = { type: 'Scheduled', status: 'True', reason: 'X', message: 'x', lastTransitionTime: now }
