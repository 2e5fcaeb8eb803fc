import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest'
import { configMaps } from '../../kube/builtin-kinds.ts'
import { createStand, type Stand } from '../../test/conformance/stand.ts'

let stand: Stand
beforeAll(async () => {
  stand = await createStand()
  await stand.shim.seed(configMaps, { metadata: QUOTA })
})
afterAll(() => stand.shim[Symbol.asyncDispose]())

const QUOTA = { name: 'kubenova-quota', namespace: 'mine' }

async function setLimit(limit: number): Promise<void> {
  const data = { project: JSON.stringify({ '': { metadata_items: limit } }) }
  await stand.shim.waitForCache(configMaps, await stand.shim.api.resource(configMaps).patch(QUOTA, { data }))
}

interface Body {
  forbidden?: { message: string }
}
const create = (count: number) =>
  stand.shim.ask<Body>('POST', '/compute/v2.1/servers', {
    body: {
      server: {
        name: 'a',
        flavorRef: 'f-tiny',
        imageRef: stand.names.get('image:tiny'),
        metadata: Object.fromEntries(Array.from({ length: count }, (_, i) => [`k${i}`, 'v'])),
      },
    },
  })

beforeEach(() => setLimit(2))

it('a new server has as much metadata as the quota of the project allows', async () => {
  expect((await create(2)).status).toBe(202)
  const { status, body } = await create(3)
  expect([status, body.forbidden?.message]).toEqual([403, 'Maximum number of metadata items exceeds 2'])
})

it.each([-1, 1000])('a new server has at most 128 metadata with the limit %i, as its kind has', async (limit) => {
  await setLimit(limit)
  expect((await create(128)).status).toBe(202)
  expect((await create(129)).body.forbidden?.message).toBe('Maximum number of metadata items exceeds 128')
})
