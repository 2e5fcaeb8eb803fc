import { beforeEach, describe, expect, it, onTestFinished } from 'vitest'
import type { Network, Port } from '../../../crds/index.ts'
import { networks } from '../../state/stores.ts'
import { TestShim } from '../../testing.ts'

let shim: TestShim
let network: Network
let other: Network
const idOf = (user: string): string => shim.callerOf(user)?.project?.id ?? ''

beforeEach(async () => {
  const started = await new TestShim().start()
  shim = started
  onTestFinished(() => started[Symbol.asyncDispose]())
  const seed = (namespace: string, spec: object) =>
    shim.seed<Network>(networks.kind, { metadata: { name: 'lan', namespace }, spec: { subnets: [], ...spec } })
  network = await seed('mine', { uplink: 'eth1' })
  other = await seed('other', { shared: true })
})

interface Body {
  [name: string]: { project_id?: string; id?: string; message?: string } | undefined
}
const ask = (method: string, path: string, body: object, as = 'member') =>
  shim.ask<Body>(method, `/network/v2.0${path}`, { body, as })
const messageOf = ({ body }: { body: Body }): string | undefined => body['NeutronError']?.message

const NOT_ALLOWED =
  "Specifying 'project_id' other than the authenticated project in request is not allowed for the current user."

describe('project_id', () => {
  it.each(['project_id', 'tenant_id'])('refuses a member who names another project with %s', async (name) => {
    const named = { [name]: idOf('other') }
    const subnet = { network_id: network.metadata.uid, cidr: '10.1.0.0/24', ...named }
    const port = { network_id: network.metadata.uid, ...named }
    for (const answer of [
      await ask('POST', '/networks', { network: { name: 'x', ...named } }),
      await ask('POST', '/subnets', { subnet }),
      await ask('POST', '/ports', { port }),
    ])
      expect([answer.status, messageOf(answer)]).toEqual([400, NOT_ALLOWED])
    expect([shim.api.list('networks').length, shim.api.list('ports').length]).toEqual([2, 0])
  })

  it('takes the project of the token', async () => {
    const answer = await ask('POST', '/networks', {
      network: { project_id: idOf('member'), tenant_id: idOf('member') },
    })
    expect([answer.status, answer.body['network']?.project_id]).toEqual([201, idOf('member')])
  })

  it('creates a network in the project that an administrator names', async () => {
    const answer = await ask('POST', '/networks', { network: { name: 'theirs', project_id: idOf('other') } }, 'admin')
    expect([answer.status, answer.body['network']?.project_id]).toEqual([201, idOf('other')])
    expect(shim.api.list<Network>('networks').map(({ metadata }) => metadata.namespace)).toContain('other')
  })

  it('creates a port in the project that an administrator names', async () => {
    const port = { network_id: other.metadata.uid, project_id: idOf('other') }
    expect((await ask('POST', '/ports', { port }, 'admin')).body['port']?.project_id).toBe(idOf('other'))
    expect(shim.api.list<Port>('ports')[0]).toMatchObject({
      metadata: { namespace: 'other' },
      spec: { network: { name: 'lan' } },
    })
    const security_groups = ['of-nobody']
    expect((await ask('POST', '/ports', { port: { ...port, security_groups } }, 'admin')).status).toBe(400)
  })

  it('gives a subnet to no other project than that of its network', async () => {
    const subnet = { network_id: other.metadata.uid, cidr: '10.1.0.0/24', project_id: idOf('admin') }
    const answer = await ask('POST', '/subnets', { subnet }, 'admin')
    expect([answer.status, messageOf(answer)]).toEqual([
      400,
      'Invalid input for project_id. Reason: a subnet has the project of its network here.',
    ])
    const named = { ...subnet, project_id: idOf('other') }
    expect((await ask('POST', '/subnets', { subnet: named }, 'admin')).status).toBe(201)
  })

  it('refuses an unknown project, and two names for one that differ', async () => {
    const unknown = await ask('POST', '/networks', { network: { project_id: 'x' } }, 'admin')
    expect(messageOf(unknown)).toBe("Invalid input for project_id. Reason: there is no project 'x'.")
    const differing = { project_id: idOf('admin'), tenant_id: idOf('other') }
    expect(messageOf(await ask('POST', '/networks', { network: differing }, 'admin'))).toBe(
      "'project_id' and 'tenant_id' do not match",
    )
  })

  it('cannot change', async () => {
    const answer = await ask('PUT', `/networks/${network.metadata.uid}`, { network: { tenant_id: idOf('member') } })
    expect([answer.status, messageOf(answer)]).toEqual([400, 'Cannot update read-only attribute tenant_id'])
  })
})

describe('attributes that no network and no port has here', () => {
  it.each([
    ['networks', { qos_policy_id: 'x' }, 'Invalid input for qos_policy_id. Reason: it is always null here.'],
    ['networks', { vlan_transparent: true }, 'Invalid input for vlan_transparent. Reason: it is always false here.'],
    ['ports', { qos_policy_id: 'x' }, 'Invalid input for qos_policy_id. Reason: it is always null here.'],
    ['ports', { 'binding:host_id': 'h1' }, 'Invalid input for binding:host_id. Reason: it is always "" here.'],
    ['ports', { propagate_uplink_status: true }, "Unrecognized attribute(s) 'propagate_uplink_status'"],
  ])('refuses a POST of %s with %j', async (plural, given, message) => {
    const body = { [plural.slice(0, -1)]: { network_id: network.metadata.uid, ...given } }
    if (plural === 'networks') delete (body['network'] as { network_id?: string }).network_id
    const answer = await ask('POST', `/${plural}`, body)
    expect([answer.status, messageOf(answer)]).toEqual([400, message])
  })

  it('accepts them without a value', async () => {
    const given = { qos_policy_id: null, vlan_transparent: null }
    expect((await ask('POST', '/networks', { network: given })).status).toBe(201)
  })
})

describe('provider attributes in a PUT', () => {
  const put = (given: object, as = 'admin') => ask('PUT', `/networks/${network.metadata.uid}`, { network: given }, as)

  it('cannot change', async () => {
    const answer = await put({ 'provider:physical_network': 'eth2' })
    expect([answer.status, messageOf(answer)]).toEqual([
      400,
      'Invalid input for operation: Plugin does not support updating the following provider network attributes: provider:network_type, provider:physical_network, provider:segmentation_id.',
    ])
    expect((await put({ 'provider:physical_network': 'eth1', name: 'same' })).status).toBe(200)
  })

  it('are refused to a member', async () => {
    const answer = await put({ 'provider:physical_network': 'eth1' }, 'member')
    expect([answer.status, messageOf(answer)]).toEqual([
      403,
      'rule:update_network:provider:physical_network is disallowed by policy',
    ])
  })
})
