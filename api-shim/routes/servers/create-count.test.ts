import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createStand, type Stand } from '../../../test/conformance/stand.ts'

describe('POST /servers for several servers', () => {
  let stand: Stand
  beforeAll(async () => {
    stand = await createStand()
  })
  afterAll(() => stand.shim[Symbol.asyncDispose]())
  const create = (counts: object) =>
    stand.shim.ask<{ forbidden?: { message: string } }>('POST', '/compute/v2.1/servers', {
      body: { server: { name: 'a', flavorRef: 'f-tiny', imageRef: stand.names.get('image:tiny'), ...counts } },
    })
  const countServers = (): number => stand.shim.api.list('servers').length

  it('creates 100 servers at most, whatever the maximum is', async () => {
    expect((await create({ min_count: 2, max_count: 2_000_000_000 })).status).toBe(202)
    expect(countServers()).toBe(100)
  })

  it('refuses a minimum of more than 100 servers and creates none', async () => {
    const before = countServers()
    const { status, body } = await create({ min_count: 101 })
    const message = 'Quota exceeded for instances: Requested 101, but one request can create 100.'
    expect([status, body.forbidden?.message]).toEqual([403, message])
    expect(countServers()).toBe(before)
  })
})
