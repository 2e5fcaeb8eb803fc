import { join } from 'node:path'
import { beforeAll, expect, it } from 'vitest'
import { badObjects } from '../test/bad-objects.ts'
import { collection, type Manifest, root } from '../test/manifests.ts'
import { applyManifests } from '../test/rig/crds.ts'
import { withControlPlane } from '../test/rig/vitest.ts'

const plane = withControlPlane()

beforeAll(async () => {
  await applyManifests(plane().api, join(root, 'crds/manifests'))
})

const options = 'dryRun=All&fieldValidation=Strict'

/** What the API server says against the object; it fails the test if that is nothing. */
async function refusal(write: Promise<unknown>): Promise<string> {
  try {
    await write
  } catch (error) {
    const text = error instanceof Error ? error.message : ''
    return (JSON.parse(text.slice(text.indexOf('{'))) as { message: string }).message
  }
  return 'nothing: it was taken'
}

/** A replace, as `kubectl replace` and most client libraries do it. */
async function replaced(before: Manifest, object: Manifest): Promise<string> {
  const path = collection(object)
  const { metadata } = await plane().api.send<Manifest>('POST', path, before)
  try {
    return await refusal(plane().api.send('PUT', `${path}/${metadata.name}?${options}`, { ...object, metadata }))
  } finally {
    await plane().api.send('DELETE', `${path}/${metadata.name}`)
  }
}

it.each(badObjects)('refuses $title', async ({ before, object, says }) => {
  const said = before
    ? await replaced(before, object)
    : await refusal(plane().api.send('POST', `${collection(object)}?${options}`, object))
  expect(said).toContain(says)
})
