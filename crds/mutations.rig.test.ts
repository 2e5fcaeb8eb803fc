import { join } from 'node:path'
import fc from 'fast-check'
import { beforeAll, expect, it } from 'vitest'
import { digestOf } from '../test/digest.ts'
import { collectionPath, type Manifest, root } from '../test/manifests.ts'
import { mutated } from '../test/mutations.ts'
import { applyManifests } from '../test/rig/crds.ts'
import { withControlPlane } from '../test/rig/vitest.ts'

const plane = withControlPlane()

beforeAll(() => applyManifests(plane().api, join(root, 'crds/manifests')))

/** The object as the API server takes it; undefined: it is refused as the user's mistake. Throws for anything else. */
async function taken(object: Manifest, query: string): Promise<Manifest | undefined> {
  try {
    return await plane().api.send<Manifest>('POST', `${collectionPath(object)}?dryRun=All&${query}`, object)
  } catch (error) {
    const status = Number(/: (\d{3}) /.exec(String(error))?.[1])
    if (status === 400 || status === 422) return undefined
    throw error
  }
}

// A client that is not strict gets more through: what it does not know is dropped, and the rest is looked at.
it.each(['fieldValidation=Strict', 'fieldValidation=Ignore'])(
  '%s: refuses or takes, and what it takes is borne',
  async (query) => {
    const seen = { taken: 0, refused: 0 }
    const bears = async (object: Manifest): Promise<void> => {
      const result = await taken(object, query)
      seen[result ? 'taken' : 'refused']++
      if (result) digestOf(result)
    }
    await fc.assert(fc.asyncProperty(mutated, bears), { numRuns: 400 })
    expect(Math.min(seen.taken, seen.refused)).toBeGreaterThan(20)
  },
  120_000,
)
