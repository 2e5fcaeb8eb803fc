import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Server } from '../../../crds/index.ts'
import { servers } from '../../state/stores.ts'
import { TestShim } from '../../testing.ts'

let shim: TestShim

const ids: Readonly<Record<string, string>> = {
  a: '00000000-0000-4000-8000-00000000000c',
  b: '00000000-0000-4000-8000-00000000000b',
  c: '00000000-0000-4000-8000-00000000000a',
}

beforeAll(async () => {
  const now = new Date('2026-01-02T03:04:05Z')
  shim = await new TestShim({ now: () => now }).start()
  for (const [name, uuid] of Object.entries(ids))
    await shim.seed<Server>(servers.kind, {
      metadata: { name, namespace: 'mine' },
      spec: { uuid, flavor: 'f', image: { name: 'i' }, ...(name === 'a' ? { hostname: 'z' } : {}) },
      status: { vmState: 'building' },
    })
})
afterAll(() => shim[Symbol.asyncDispose]())

const list = async (query = ''): Promise<string> =>
  (await shim.ask<{ servers: { name: string }[] }>('GET', `/compute/v2.1/servers${query}`)).body.servers
    .map(({ name }) => name)
    .join('')

describe('GET /servers', () => {
  it('orders servers of the same second by UUID', async () => {
    expect(await list()).toBe('cba')
  })

  it('orders servers with the same value of the sort key by UUID', async () => {
    expect(await list('?sort_key=vm_state&sort_dir=asc')).toBe('cba')
    expect(await list('?sort_key=vm_state&sort_dir=desc')).toBe('cba')
  })

  it('sorts by the host name that a server without a chosen one gets', async () => {
    expect(await list('?sort_key=hostname&sort_dir=asc')).toBe('bca')
  })
})

describe('GET /servers/detail', () => {
  it('shows and finds servers that kubectl has created as those of the user kubernetes', async () => {
    const { body } = await shim.ask<{ servers: { user_id: string }[] }>('GET', '/compute/v2.1/servers/detail')
    expect(body.servers.map((shown) => shown.user_id)).toEqual(['kubernetes', 'kubernetes', 'kubernetes'])
    const found = (user: string): Promise<unknown[]> =>
      shim
        .ask<{ servers: unknown[] }>('GET', `/compute/v2.1/servers/detail?all_tenants=1&user_id=${user}`, {
          as: 'admin',
        })
        .then((answer) => answer.body.servers)
    expect(await found('kubernetes')).toHaveLength(3)
    expect(await found('nobody')).toHaveLength(0)
  })

  it('shows the name of a domain that does not exist yet, and no disk', async () => {
    const path = '/compute/v2.1/servers/detail'
    const { body } = await shim.ask<{ servers: object[] }>('GET', path, { as: 'admin', version: '2.3' })
    expect(body.servers[0]).toMatchObject({
      'OS-EXT-SRV-ATTR:instance_name': expect.stringMatching(/^c-\w{8}$/) as string,
      'OS-EXT-SRV-ATTR:root_device_name': null,
    })
  })
})
