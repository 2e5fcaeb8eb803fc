import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { ApiError } from '../../../kube/errors.ts'
import { createStand, type Stand } from '../../../test/conformance/stand.ts'

const forbidden = new ApiError({ request: 'fake', status: 403 })

describe('POST /servers with a config drive', () => {
  let stand: Stand
  beforeEach(async () => {
    stand = await createStand()
  })
  afterEach(() => stand.shim[Symbol.asyncDispose]())

  const create = () =>
    stand.shim.ask('POST', '/compute/v2.1/servers', {
      body: {
        server: {
          name: 'a',
          flavorRef: 'f-tiny',
          imageRef: stand.names.get('image:tiny'),
          config_drive: true,
          min_count: 3,
        },
      },
    })
  const serverCreations = (): string[] => stand.shim.life.effects.filter((name) => name.startsWith('create servers/'))

  it('creates no server when its Secret cannot be created', async () => {
    stand.shim.life.fail('create secrets/', forbidden)
    expect((await create()).status).toBe(403)
    expect(serverCreations()).toEqual([])
  })

  it('deletes the servers when the creation of their Secret fails after its check', async () => {
    const { life, api } = stand.shim
    // The check of the Secret, and three servers, come before.
    life.failAt(life.effects.length + 4, forbidden, 'before')
    expect((await create()).status).toBe(403)
    expect(serverCreations()).toHaveLength(3)
    expect([api.list('servers'), api.list('secrets')]).toEqual([[], []])
  })

  it('deletes the first servers when the creation of a later one fails', async () => {
    stand.shim.life.fail('create servers/mine/a-3-', forbidden)
    expect((await create()).status).toBe(403)
    expect(serverCreations()).toHaveLength(3)
    expect([stand.shim.api.list('servers'), stand.shim.api.list('secrets')]).toEqual([[], []])
  })
})
