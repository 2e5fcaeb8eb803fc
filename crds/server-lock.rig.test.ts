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
  users: [{ name: collector, groups: ['system:masters'] }],
})

const object: Manifest = {
  apiVersion: API_VERSION,
  kind: 'Server',
  metadata: { name: 'web-1' },
  spec: { flavor: 'tiny', image: { name: 'guest' }, locked: true, lockedReason: 'release of May' },
}
const path = collectionPath(object)

const tryDelete = (api: ApiClient, target = `${path}/web-1`): Promise<string> =>
  api.send('DELETE', `${target}?dryRun=All`).then(
    () => 'deleted',
    (error: unknown) => String(error),
  )

const expectedMessage = 'the server is locked (release of May): set spec.locked to false first, then delete it'

beforeAll(async () => {
  const { api } = plane()
  await applyManifests(api, join(root, 'crds/manifests'))
  await applyAccessManifests(api, join(root, 'crds/admission'))
  await waitUntil(() => api.send('POST', path, object), { what: 'a Server', deadline: 60_000 })
  const isInEffect = async (): Promise<boolean> => (await tryDelete(api)).includes(expectedMessage)
  await waitUntil(isInEffect, { what: 'the policy to take effect', deadline: 60_000, every: 200 })
})

it('the deletion of a locked server is rejected, also as part of a collection', async () => {
  expect(await tryDelete(plane().api)).toContain(expectedMessage)
  expect(await tryDelete(plane().api, path)).toContain(expectedMessage)
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
