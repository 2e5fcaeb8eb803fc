import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Image, Network } from '../../../crds/index.ts'
import { createStand, type Stand } from '../../../test/conformance/stand.ts'
import { images, networks } from '../../state/stores.ts'
import type { AskOptions } from '../../testing.ts'

interface Answer {
  server: { id: string; accessIPv6?: string }
  badRequest: { message: string }
  forbidden: { message: string }
}

describe('POST /servers', () => {
  let stand: Stand
  beforeAll(async () => {
    stand = await createStand()
  })
  afterAll(() => stand.shim[Symbol.asyncDispose]())
  const create = (more: object, options: AskOptions = {}, hints: object = {}) =>
    stand.shim.ask<Answer>('POST', '/compute/v2.1/servers', {
      ...options,
      body: { server: { name: 'a', flavorRef: 'f-tiny', imageRef: stand.names.get('image:tiny'), ...more }, ...hints },
    })

  it('shows an IPv6 address in its shortest form', async () => {
    const { body } = await create({ accessIPv6: '0000:0000:0000:0000:0000:babe:220.12.22.2' })
    const shown = await stand.shim.ask<Answer>('GET', `/compute/v2.1/servers/${body.server.id}`)
    expect(shown.body.server.accessIPv6).toBe('::babe:dc0c:1602')
  })

  it('refuses a security group that the project does not have', async () => {
    const { status, body } = await create({ security_groups: [{ name: 'default' }, { name: 'web' }] })
    expect([status, body.badRequest.message]).toEqual([400, "Unable to find security_group with name or id 'web'"])
    expect((await create({ security_groups: [{ name: 'default' }, {}] })).status).toBe(202)
  })

  it('refuses a network of another project that is not shared, also for an administrator', async () => {
    const spec = { bridge: 'br0', subnets: [{ cidr: '10.9.0.0/24' }] }
    const createNetwork = (name: string, shared: boolean) =>
      stand.shim.seed<Network>(networks.kind, { metadata: { name, namespace: 'other' }, spec: { ...spec, shared } })
    const uuidOf = async (network: Promise<Network>) => (await network).metadata.uid ?? ''
    const uuid = await uuidOf(createNetwork('secret', false))
    const admin = await create({ networks: [{ uuid }] }, { as: 'admin' })
    const message = `Network ${uuid} belongs to another project and is not shared.`
    expect([admin.status, admin.body.badRequest.message]).toEqual([400, message])
    const member = await create({ networks: [{ uuid }] })
    expect([member.status, member.body.badRequest.message]).toEqual([400, `Network ${uuid} could not be found.`])
    const shared = await uuidOf(createNetwork('public', true))
    expect((await create({ networks: [{ uuid: shared }] }, { as: 'admin' })).status).toBe(202)
  })

  it('gives a server a host name that DNS would not accept', async () => {
    const { status, body } = await create({ hostname: '-bad_host.', networks: 'none' }, { version: '2.96' })
    expect(status).toBe(202)
    const shown = await stand.shim.ask<{ server: Record<string, string> }>(
      'GET',
      `/compute/v2.1/servers/${body.server.id}`,
      { version: '2.96' },
    )
    expect(shown.body.server['OS-EXT-SRV-ATTR:hostname']).toBe('-bad_host.')
  })

  it.each([{ host: 'host-1' }, { hypervisor_hostname: 'host-1' }])('refuses a choice of host: %j', async (choice) => {
    const asked = { ...choice, networks: 'none' }
    const member = await create(asked, { version: '2.74' })
    expect([member.status, member.body.forbidden.message]).toEqual([
      403,
      "Policy doesn't allow compute:servers:create:requested_destination to be performed.",
    ])
    const admin = await create(asked, { version: '2.74', as: 'admin' })
    expect([admin.status, admin.body.badRequest.message]).toEqual([
      400,
      'A host cannot be chosen: use a zone, or scheduler hints.',
    ])
  })

  it('refuses a server group, because there are none', async () => {
    const group = '5f0a1c9e-3b52-4c6e-9d1f-7a2b8c3d4e5f'
    for (const key of ['os:scheduler_hints', 'OS-SCH-HNT:scheduler_hints']) {
      const { status, body } = await create({}, {}, { [key]: { group } })
      expect([status, body.badRequest.message]).toEqual([400, `Instance group ${group} could not be found.`])
    }
  })

  it('refuses an image that is not active', async () => {
    const { shim } = stand
    const condition = { type: 'Ready', status: 'False', reason: 'ImageNotADisk', message: 'a page' }
    const { metadata } = await shim.seed<Image>(images.kind, {
      metadata: { name: 'unusable', namespace: 'mine' },
      spec: { url: 'https://images.test/x' },
      status: { conditions: [{ ...condition, lastTransitionTime: '2026-01-01T00:00:00Z' }] },
    })
    const queued = await shim.ask<{ id: string }>('POST', '/image/v2/images', { body: { name: 'without bytes' } })
    for (const imageRef of [metadata.uid, queued.body.id]) {
      const { status, body } = await create({ imageRef })
      expect([status, body.badRequest.message]).toEqual([400, `Image ${imageRef} is not active.`])
    }
  })
})
