import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, expect, it } from 'vitest'
import { collectionPath, exampleFiles, type Manifest, parseManifests, root } from '../test/manifests.ts'
import { applyManifests } from '../test/rig/crds.ts'
import { withControlPlane } from '../test/rig/vitest.ts'

const plane = withControlPlane()

beforeAll(async () => {
  await applyManifests(plane().api, join(root, 'crds/manifests'))
  await plane().api.send('POST', '/api/v1/namespaces', {
    apiVersion: 'v1',
    kind: 'Namespace',
    metadata: { name: 'web' },
  })
})

const strict = 'dryRun=All&fieldValidation=Strict&fieldManager=test'

/** An object with `generateName` and no name is created instead, because an apply needs a name. */
function applyOrCreate(object: Manifest): Promise<Manifest> {
  const path = collectionPath(object)
  const { name } = object.metadata
  if (name === undefined) return plane().api.send('POST', `${path}?${strict}`, object)
  return plane().api.send('PATCH', `${path}/${name}?${strict}`, object, 'application/apply-patch+yaml')
}

it.each(exampleFiles())('the API server accepts examples/%s', async (file) => {
  for (const object of parseManifests(readFileSync(join(root, 'examples', file), 'utf8'))) {
    const accepted = await applyOrCreate(object)
    expect(accepted.spec).toMatchObject(object.spec)
  }
})
