import { join } from 'node:path'
import fc from 'fast-check'
import { beforeAll, expect, it } from 'vitest'
import { computeWithoutEffects } from '../test/computations.ts'
import { collectionPath, type Manifest, root } from '../test/manifests.ts'
import { mutatedExamples } from '../test/mutations.ts'
import { applyManifests } from '../test/rig/crds.ts'
import { withControlPlane } from '../test/rig/vitest.ts'

const plane = withControlPlane()

beforeAll(() => applyManifests(plane().api, join(root, 'crds/manifests')))

/**
 * Resolves to undefined if the API server rejects the object as invalid (400 or 422), and rejects on any other error.
 */
async function createIfValid(object: Manifest, query: string): Promise<Manifest | undefined> {
  try {
    return await plane().api.send<Manifest>('POST', `${collectionPath(object)}?dryRun=All&${query}`, object)
  } catch (error) {
    const status = Number(/: (\d{3}) /.exec(String(error))?.[1])
    if (status === 400 || status === 422) return undefined
    throw error
  }
}

// With fieldValidation=Ignore the API server drops unknown fields, so it accepts more objects than with Strict.
it.each(['fieldValidation=Strict', 'fieldValidation=Ignore'])(
  'the computations of controller and agent do not fail on an object that the API server accepts with %s',
  async (query) => {
    const counts = { accepted: 0, rejected: 0 }
    const check = async (object: Manifest): Promise<void> => {
      const created = await createIfValid(object, query)
      counts[created ? 'accepted' : 'rejected']++
      if (created) computeWithoutEffects(created)
    }
    await fc.assert(fc.asyncProperty(mutatedExamples, check), { numRuns: 400 })
    expect(Math.min(counts.accepted, counts.rejected)).toBeGreaterThan(20)
  },
  120_000,
)
