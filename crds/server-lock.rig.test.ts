import { join } from 'node:path'
import { beforeAll, expect, it } from 'vitest'
import { collectionPath, type Manifest, root } from '../test/manifests.ts'
import { type ApiClient, createApiClient } from '../test/rig/api.ts'
import { applyManifests, applyPolicies } from '../test/rig/crds.ts'
import { withControlPlane } from '../test/rig/vitest.ts'
import { waitUntil } from '../test/rig/wait-until.ts'
import { API_VERSION } from './index.ts'

const cleaners = ['system:serviceaccount:kube-system:namespace-controller', 'system:kube-controller-manager']
const plane = withControlPlane({ users: cleaners.map((name) => ({ name, groups: ['system:masters'] })) })

const object: Manifest = {
  apiVersion: API_VERSION,
  kind: 'Server',
  metadata: { name: 'web-1' },
  spec: { flavor: 'tiny', image: { name: 'guest' }, locked: true, lockedReason: 'release of May' },
}
const path = collectionPath(object)

const deletion = (api: ApiClient, of = `${path}/web-1`): Promise<string> =>
  api.send('DELETE', `${of}?dryRun=All`).then(
    () => 'deleted',
    (error: unknown) => String(error),
  )

const refusal = 'the server is locked (release of May): set spec.locked to false first, then delete it'

beforeAll(async () => {
  const { api } = plane()
  await applyManifests(api, join(root, 'crds/manifests'))
  await applyPolicies(api, join(root, 'crds/admission'))
  // A policy counts some seconds after it was made.
  await waitUntil(() => api.send('POST', path, object), { what: 'a Server', deadline: 60_000 })
  const counts = async (): Promise<boolean> => (await deletion(api)).includes(refusal)
  await waitUntil(counts, { what: 'a refusal', deadline: 60_000, every: 200 })
})

it('keeps a locked server from being deleted, also with all others', async () => {
  expect(await deletion(plane().api)).toContain(refusal)
  expect(await deletion(plane().api, path)).toContain(refusal)
})

it.each(cleaners)('does not keep a namespace from going, which is the work of %s', async (cleaner) => {
  const api = createApiClient(plane().kubeconfigOf(cleaner))
  expect(await deletion(api)).toBe('deleted')
  await api.close()
})

it('lets it go when it is unlocked', async () => {
  const patch = { spec: { locked: false, lockedReason: null } }
  await plane().api.send('PATCH', `${path}/web-1`, patch, 'application/merge-patch+json')
  expect(await deletion(plane().api)).toBe('deleted')
})
