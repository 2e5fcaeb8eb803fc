import { join } from 'node:path'
import { beforeAll, expect, it } from 'vitest'
import { collectionPath, type Manifest, root } from '../test/manifests.ts'
import { type ApiClient, createApiClient } from '../test/rig/api.ts'
import { applyAccessManifests, applyManifests } from '../test/rig/crds.ts'
import { withControlPlane } from '../test/rig/vitest.ts'
import { waitUntil } from '../test/rig/wait-until.ts'
import { API_VERSION } from './index.ts'

const systemUsers = ['system:serviceaccount:kube-system:namespace-controller', 'system:kube-controller-manager']
const plane = withControlPlane({ users: systemUsers.map((name) => ({ name, groups: ['system:masters'] })) })

const object: Manifest = {
  apiVersion: API_VERSION,
  kind: 'Server',
  metadata: { name: 'web-1' },
  spec: { flavor: 'tiny', image: { name: 'guest' }, locked: true, lockedReason: 'release of May' },
}
const path = collectionPath(object)

/** Deletes `target` with a dry run. Resolves to `deleted`, or to the text of the error. */
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
  // A policy takes effect some seconds after its creation.
  await waitUntil(() => api.send('POST', path, object), { what: 'a Server', deadline: 60_000 })
  const isInEffect = async (): Promise<boolean> => (await tryDelete(api)).includes(expectedMessage)
  await waitUntil(isInEffect, { what: 'the policy to take effect', deadline: 60_000, every: 200 })
})

it('the deletion of a locked server is rejected, also as part of a collection', async () => {
  expect(await tryDelete(plane().api)).toContain(expectedMessage)
  expect(await tryDelete(plane().api, path)).toContain(expectedMessage)
})

it.each(systemUsers)('%s can delete a locked server, so that its namespace can be deleted', async (user) => {
  const api = createApiClient(plane().kubeconfigOf(user))
  expect(await tryDelete(api)).toBe('deleted')
  await api.close()
})

it('the server can be deleted when it is unlocked', async () => {
  const patch = { spec: { locked: false, lockedReason: null } }
  await plane().api.send('PATCH', `${path}/web-1`, patch, 'application/merge-patch+json')
  expect(await tryDelete(plane().api)).toBe('deleted')
})
