import { join } from 'node:path'
import { beforeAll, expect, it } from 'vitest'
import { collectionPath, type Manifest, root } from '../test/manifests.ts'
import { type ApiClient, createApiClient } from '../test/rig/api.ts'
import { applyAccessManifests, applyManifests } from '../test/rig/crds.ts'
import { withControlPlane } from '../test/rig/vitest.ts'
import { waitUntil } from '../test/rig/wait-until.ts'
import { API_VERSION } from './index.ts'

const collector = 'system:serviceaccount:kube-system:generic-garbage-collector'
const plane = withControlPlane({
  controllerManager: true,
  users: [{ name: collector, groups: ['system:masters'] }, { name: 'member' }],
})
let member: ApiClient

const object: Manifest = {
  apiVersion: API_VERSION,
  kind: 'Server',
  metadata: { name: 'web-1' },
  spec: { flavor: 'tiny', image: { name: 'guest' }, locked: true, lockedReason: 'release of May' },
}
const path = collectionPath(object)

const tryDelete = (api: ApiClient, target = `${path}/web-1`, options?: object): Promise<string> =>
  api.send('DELETE', target, { kind: 'DeleteOptions', apiVersion: 'v1', dryRun: ['All'], ...options }).then(
    () => 'deleted',
    (error: unknown) => String(error),
  )

const IGNORE_LOCK = 'compute.kubenova.io/ignore-lock'

const patchServer = (api: ApiClient, patch: object, query = ''): Promise<Manifest> =>
  api.send('PATCH', `${path}/web-1${query}`, patch, 'application/merge-patch+json')

const tryStop = (api: ApiClient, annotation?: string): Promise<string> => {
  const annotations = annotation === undefined ? {} : { [IGNORE_LOCK]: annotation }
  return patchServer(api, { metadata: { annotations }, spec: { powerState: 'Stopped' } }, '?dryRun=All').then(
    () => 'stopped',
    (error: unknown) => String(error),
  )
}

const expectedMessage = 'the server is locked (release of May): set spec.locked to false first, then delete it'

beforeAll(async () => {
  const { api } = plane()
  await applyManifests(api, join(root, 'crds/manifests'))
  await applyAccessManifests(api, join(root, 'crds/admission'))
  await applyAccessManifests(api, join(root, 'crds/access'))
  await waitUntil(() => api.send('POST', path, object), { what: 'a Server', deadline: 60_000 })
  const binding = {
    metadata: { name: 'member' },
    subjects: [{ kind: 'User', name: 'member', apiGroup: 'rbac.authorization.k8s.io' }],
    roleRef: { kind: 'ClusterRole', name: 'kubenova-member', apiGroup: 'rbac.authorization.k8s.io' },
  }
  await api.send('POST', '/apis/rbac.authorization.k8s.io/v1/namespaces/default/rolebindings', binding)
  member = createApiClient(plane().kubeconfigOf('member'))
  const isInEffect = async (): Promise<boolean> =>
    (await tryDelete(api)).includes(expectedMessage) && (await tryStop(api)).includes('the server is locked')
  await waitUntil(isInEffect, { what: 'the policies to take effect', deadline: 60_000, every: 200 })
})

it('the deletion of a locked server is rejected, also as part of a collection', async () => {
  expect(await tryDelete(plane().api)).toContain(expectedMessage)
  expect(await tryDelete(plane().api, path)).toContain(expectedMessage)
})

it('a cluster-admin who does not say that the lock shall be ignored cannot change the power state', async () => {
  expect(await tryStop(plane().api)).toContain(
    'the server is locked (release of May): set spec.locked to false first, then change spec.powerState',
  )
})

it('an administrator who says so can change the power state in one write, and the server stays locked', async () => {
  expect(await tryStop(plane().api, 'ticket 7')).toBe('stopped')
  await patchServer(plane().api, { metadata: { annotations: { [IGNORE_LOCK]: 'ticket 7' } } })
  expect(await tryStop(plane().api, 'ticket 7')).toContain('the server is locked')
  expect(await tryStop(plane().api, 'ticket 8')).toBe('stopped')
})

it('a member cannot ignore the lock', async () => {
  expect(await tryStop(member, 'ticket 9')).toContain(
    'that needs the right to create serveractions/ignorelock in this namespace, which member has not; leave it out, and set spec.locked to false first',
  )
  const { metadata } = await patchServer(member, { metadata: { annotations: { [IGNORE_LOCK]: 'delete' } } })
  const { resourceVersion } = metadata as { resourceVersion?: string }
  expect(await tryDelete(member, `${path}/web-1`, { preconditions: { resourceVersion } })).toContain(expectedMessage)
})

it('an administrator can delete a locked server only with the annotation and its resourceVersion', async () => {
  const { api } = plane()
  const { metadata } = await patchServer(api, { metadata: { annotations: { [IGNORE_LOCK]: 'delete' } } })
  const { uid, resourceVersion } = metadata as { uid?: string; resourceVersion?: string }
  const target = `${path}/web-1`
  expect(await tryDelete(api, target)).toContain(expectedMessage)
  expect(await tryDelete(api, target, { preconditions: { uid } })).toContain(expectedMessage)
  expect(await tryDelete(api, path)).toContain(expectedMessage)
  expect(await tryDelete(api, target, { preconditions: { resourceVersion } })).toBe('deleted')
  const other = await patchServer(api, { metadata: { annotations: { [IGNORE_LOCK]: null } } })
  const preconditions = { resourceVersion: (other.metadata as { resourceVersion?: string }).resourceVersion }
  expect(await tryDelete(api, target, { preconditions })).toContain(expectedMessage)
})

it('the garbage collector can delete a locked server, whose owner is gone', async () => {
  const api = createApiClient(plane().kubeconfigOf(collector))
  expect(await tryDelete(api)).toBe('deleted')
  await api.close()
})

it('kube-controller-manager deletes a namespace with its locked server', async () => {
  const { api } = plane()
  const namespace = { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'leaving' } }
  await api.send('POST', '/api/v1/namespaces', namespace)
  const leaving = { ...object, metadata: { ...object.metadata, namespace: 'leaving' } }
  const server = `${collectionPath(leaving)}/web-1`
  await api.send('POST', collectionPath(leaving), leaving)
  await api.send('DELETE', '/api/v1/namespaces/leaving')
  const isTerminating = async (): Promise<boolean> =>
    (await api.send<{ metadata: { deletionTimestamp?: string } }>('GET', server)).metadata.deletionTimestamp !==
    undefined
  await waitUntil(isTerminating, { what: 'the deletion of the locked server', deadline: 60_000, every: 200 })
  await api.send('PATCH', server, { metadata: { finalizers: null } }, 'application/merge-patch+json')
  const isGone = async (): Promise<boolean> =>
    api.text('/api/v1/namespaces/leaving').then(
      () => false,
      (error: unknown) => String(error).includes(': 404 '),
    )
  await waitUntil(isGone, { what: 'the end of the namespace', deadline: 60_000, every: 200 })
})

it('the server can be deleted when it is unlocked', async () => {
  const patch = { spec: { locked: false, lockedReason: null } }
  await plane().api.send('PATCH', `${path}/web-1`, patch, 'application/merge-patch+json')
  expect(await tryDelete(plane().api)).toBe('deleted')
})
