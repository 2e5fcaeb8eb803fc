import { beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest'
import type { Network, Port } from '../../../crds/index.ts'
import { networks, ports, servers } from '../../state/stores.ts'
import { TestShim } from '../../testing.ts'

type Item = Record<string, unknown> & { id: string }

let shim: TestShim
beforeEach(async () => {
  const started = await new TestShim().start()
  shim = started
  onTestFinished(() => started[Symbol.asyncDispose]())
})

const ask = (method: string, path: string, body?: object, as = 'member') =>
  shim.ask<Record<string, Item> & { NeutronError?: { type: string; message: string } }>(
    method,
    `/network/v2.0${path}`,
    {
      ...(body ? { body } : {}),
      as,
    },
  )
const list = async (plural: string, query = '', as = 'member'): Promise<Item[]> => {
  const { body } = await shim.ask<Record<string, Item[]>>(
    'GET',
    `/network/v2.0/${plural.replaceAll('_', '-')}${query}`,
    { as },
  )
  return body[plural] ?? []
}
const createNetwork = async (network: object = {}, as = 'member'): Promise<Item> =>
  (await ask('POST', '/networks', { network: { name: 'mine', ...network } }, as)).body['network'] as Item
const createSubnet = async (networkId: string, subnet: object = {}): Promise<Item> =>
  (await ask('POST', '/subnets', { subnet: { network_id: networkId, cidr: '10.9.0.0/24', ip_version: 4, ...subnet } }))
    .body['subnet'] as Item
const stored = (): Network[] => shim.api.list<Network>('networks')
const allocate = async (): Promise<void> => {
  const find = (): Port | undefined => shim.api.list<Port>('ports').at(-1)
  await expect.poll(find).toBeDefined()
  const port = find()
  if (port)
    await shim.api
      .resource<Port>(ports.kind)
      .patch(port.metadata, { status: { macAddress: '02:00:00:00:00:01', fixedIPs: ['10.9.0.7'] } })
}

describe('networks', () => {
  it('creates a Network in the project and shows it', async () => {
    const network = await createNetwork({ description: 'of the team', mtu: 1400, admin_state_up: true })
    expect(network).toMatchObject({
      name: 'mine',
      description: 'of the team',
      project_id: shim.callerOf('member')?.project?.id,
      status: 'ACTIVE',
      admin_state_up: true,
      shared: false,
      'router:external': false,
      mtu: 1400,
      port_security_enabled: true,
      subnets: [],
    })
    expect(network).not.toHaveProperty('provider:network_type')
    expect(stored()[0]).toMatchObject({
      metadata: { name: 'mine', namespace: 'mine' },
      spec: { mtu: 1400, shared: false, portSecurity: true, subnets: [] },
    })
    expect((await list('networks', '?name=mine&shared=False&router:external=false')).map(({ id }) => id)).toEqual([
      network.id,
    ])
    expect(await list('networks', '?name=nosuch')).toEqual([])
    expect(await list('networks', '', 'other')).toEqual([])
    expect((await ask('GET', `/networks/${network.id}?fields=id`)).body).toEqual({ network: { id: network.id } })
  })

  it('lets two networks have one name', async () => {
    await createNetwork()
    await createNetwork()
    expect((await list('networks', '?name=mine')).map(({ name }) => name)).toEqual(['mine', 'mine'])
  })

  it.each([
    [{ nosuch: 1 }, 400, 'HTTPBadRequest', "Unrecognized attribute(s) 'nosuch'"],
    [{ shared: true }, 403, 'PolicyNotAuthorized', 'rule:create_network:shared is disallowed by policy'],
    [
      { 'router:external': true },
      400,
      'HTTPBadRequest',
      'Invalid input for router:external. Reason: it is always false here.',
    ],
    [
      { admin_state_up: false },
      400,
      'HTTPBadRequest',
      'Invalid input for admin_state_up. Reason: it is always true here.',
    ],
    [{ mtu: -1 }, 400, 'HTTPBadRequest', 'Invalid input for mtu. Reason: -1 is less than the minimum of 0.'],
    [
      { 'provider:network_type': 'flat', 'provider:physical_network': 'eth0' },
      403,
      'PolicyNotAuthorized',
      'rule:create_network:provider:network_type is disallowed by policy',
    ],
    [
      { 'provider:physical_network': null },
      403,
      'PolicyNotAuthorized',
      'rule:create_network:provider:physical_network is disallowed by policy',
    ],
  ])('refuses %j', async (network, status, type, message) => {
    const answer = await ask('POST', '/networks', { network: { name: 'x', ...network } })
    expect(answer.status).toBe(status)
    expect(answer.body).toEqual({ NeutronError: { type, message, detail: '' } })
  })

  it('makes no provider network of another type than flat', async () => {
    const answer = await ask('POST', '/networks', { network: { 'provider:network_type': 'vxlan' } }, 'admin')
    expect([answer.status, answer.body.NeutronError?.message]).toEqual([
      400,
      "Invalid input for operation: provider:network_type must be 'flat', with the name of an interface of the hosts as provider:physical_network.",
    ])
  })

  it('makes an uplink of a flat provider network, which administrators see', async () => {
    await createNetwork({ 'provider:network_type': 'flat', 'provider:physical_network': 'eth1', shared: true }, 'admin')
    expect(stored()[0]?.spec).toMatchObject({ uplink: 'eth1', shared: true })
    expect((await list('networks', '', 'admin'))[0]).toMatchObject({
      'provider:network_type': 'flat',
      'provider:physical_network': 'eth1',
    })
    expect((await list('networks', '', 'other'))[0]).toMatchObject({ shared: true })
    const [network] = await list('networks', '', 'other')
    const refused = await ask('PUT', `/networks/${network?.id}`, { network: { name: 'x' } }, 'other')
    expect(refused.body.NeutronError?.message).toBe('rule:update_network is disallowed by policy')
  })

  it('renames a network', async () => {
    const { id } = await createNetwork()
    const { body } = await ask('PUT', `/networks/${id}`, { network: { name: 'New name', description: 'd' } })
    expect(body['network']).toMatchObject({ name: 'New name', description: 'd' })
  })

  it('answers 404 to an unknown network', async () => {
    expect((await ask('GET', '/networks/nosuch')).body).toEqual({
      NeutronError: { type: 'NetworkNotFound', message: 'Network nosuch could not be found.', detail: '' },
    })
  })
})

describe('subnets', () => {
  it('adds a subnet with the gateway and pools that Neutron would give it', async () => {
    const { id } = await createNetwork()
    const subnet = await createSubnet(id, { cidr: '10.9.0.77/24', name: 'v4', dns_nameservers: ['9.9.9.9'] })
    expect(subnet).toMatchObject({
      name: 'v4',
      network_id: id,
      ip_version: 4,
      cidr: '10.9.0.0/24',
      gateway_ip: '10.9.0.1',
      enable_dhcp: true,
      allocation_pools: [{ start: '10.9.0.2', end: '10.9.0.253' }],
      dns_nameservers: ['9.9.9.9'],
      host_routes: [],
    })
    expect(stored()[0]?.spec.subnets).toEqual([
      { cidr: '10.9.0.0/24', dhcp: true, gateway: '10.9.0.1', dnsServers: ['9.9.9.9'] },
    ])
    expect((await list('networks'))[0]?.['subnets']).toEqual([subnet.id])
    expect((await list('subnets', '?name=v4')).map((one) => one.id)).toEqual([subnet.id])
  })

  it('takes a subnet of each IP version, and no second one', async () => {
    const { id } = await createNetwork()
    await createSubnet(id)
    const v6 = await createSubnet(id, { cidr: 'fd00:1::/64', ip_version: 6, gateway_ip: null })
    expect(v6).toMatchObject({
      gateway_ip: null,
      allocation_pools: [{ start: 'fd00:1::1', end: 'fd00:1::ffff:ffff:ffff:fffe' }],
    })
    const again = await ask('POST', '/subnets', { subnet: { network_id: id, cidr: '10.10.0.0/24', ip_version: 4 } })
    expect([again.status, again.body.NeutronError?.message]).toEqual([
      409,
      'A network has at most one subnet of each IP version here, and this one has 10.9.0.0/24: create another network.',
    ])
  })

  it('changes a subnet', async () => {
    const { id } = await createNetwork()
    const subnet = await createSubnet(id)
    const change = { name: 'n', gateway_ip: null, host_routes: [{ destination: '10.8.0.0/16', nexthop: '10.9.0.9' }] }
    const { body } = await ask('PUT', `/subnets/${subnet.id}`, { subnet: change })
    expect(body['subnet']).toMatchObject({ id: subnet.id, ...change })
    expect(stored()[0]?.spec.subnets).toEqual([
      { cidr: '10.9.0.0/24', dhcp: true, hostRoutes: [{ destination: '10.8.0.0/16', nextHop: '10.9.0.9' }] },
    ])
  })

  it('keeps a change of another request that the cache does not have yet', async () => {
    const { id } = await createNetwork()
    const subnet = await createSubnet(id)
    const before = stored()[0]?.spec.subnets ?? []
    shim.interfere([{ spec: { subnets: before.map((one) => ({ ...one, dnsServers: ['9.9.9.9'] })) } }])
    const { body } = await ask('PUT', `/subnets/${subnet.id}`, { subnet: { gateway_ip: null } })
    expect(body['subnet']).toMatchObject({ gateway_ip: null, dns_nameservers: ['9.9.9.9'] })
  })

  it('hides a deleted subnet, and takes only the same range in its place', async () => {
    const { id } = await createNetwork()
    const subnet = await createSubnet(id)
    expect((await ask('DELETE', `/subnets/${subnet.id}`)).status).toBe(204)
    expect([await list('subnets'), (await list('networks'))[0]?.['subnets']]).toEqual([[], []])
    const other = await ask('POST', '/subnets', { subnet: { network_id: id, cidr: '10.10.0.0/24', ip_version: 4 } })
    expect([other.status, other.body.NeutronError?.message]).toEqual([
      409,
      'The network keeps the range 10.9.0.0/24 of the subnet that was deleted: create a subnet with that cidr, or another network.',
    ])
    expect((await createSubnet(id, { name: 'again' })).id).toBe(subnet.id)
    expect((await list('subnets')).map(({ name }) => name)).toEqual(['again'])
    expect((await ask('DELETE', `/networks/${id}`)).status).toBe(204)
    expect(stored()).toEqual([])
  })

  it.each([
    [{ cidr: '10.9.0.0/33' }, "Invalid input for cidr. Reason: '10.9.0.0/33' is not a valid IP subnet."],
    [
      { cidr: 'fd00::/64', ip_version: 4 },
      "Invalid input for operation: The ip_version of cidr 'fd00::/64' does not match the ip_version '4'.",
    ],
    [{ subnetpool_id: 'x' }, 'Invalid input for subnetpool_id. Reason: it is always null here.'],
  ])('answers 400 to %j', async (subnet, message) => {
    const { id } = await createNetwork()
    const answer = await ask('POST', '/subnets', { subnet: { network_id: id, ip_version: 4, ...subnet } })
    expect([answer.status, answer.body.NeutronError?.message]).toEqual([400, message])
  })
})

describe('ports', () => {
  it('creates a Port and answers when it has its addresses', async () => {
    const { id } = await createNetwork()
    const subnet = await createSubnet(id)
    const wanted = { network_id: id, name: 'p1', fixed_ips: [{ subnet_id: subnet.id, ip_address: '10.9.0.7' }] }
    const [answer] = await Promise.all([ask('POST', '/ports', { port: wanted }), allocate()])
    expect(answer.status).toBe(201)
    const port = answer.body['port'] as Item
    expect(port).toMatchObject({
      name: 'p1',
      network_id: id,
      mac_address: '02:00:00:00:00:01',
      fixed_ips: [{ subnet_id: subnet.id, ip_address: '10.9.0.7' }],
      device_id: '',
      status: 'DOWN',
      port_security_enabled: true,
    })
    expect(shim.api.list<Port>('ports')[0]?.spec).toEqual({ network: { name: 'mine' }, fixedIPs: ['10.9.0.7'] })
    for (const query of [
      '?name=p1',
      `?network_id=${id}`,
      '?fixed_ips=ip_address=10.9.0.7',
      '?mac_address=02:00:00:00:00:01',
    ])
      expect((await list('ports', query)).map((one) => one.id)).toEqual([port.id])
    expect(await list('ports', '?device_id=x')).toEqual([])
    const used = await ask('DELETE', `/networks/${id}`)
    expect([used.status, used.body.NeutronError?.message]).toEqual([
      409,
      `Unable to complete operation on network ${id}. There are one or more ports still in use on the network, id for these ports is: ${port.id}.`,
    ])
    expect((await ask('DELETE', `/subnets/${subnet.id}`)).status).toBe(409)
    expect((await ask('PUT', `/ports/${port.id}`, { port: { name: 'p2' } })).body['port']).toMatchObject({ name: 'p2' })
    expect((await ask('PUT', `/ports/${port.id}`, { port: { device_id: 'x' } })).status).toBe(400)
    expect((await ask('DELETE', `/ports/${port.id}`)).status).toBe(204)
    expect(await list('ports')).toEqual([])
  })

  it('waits for the port of a server that is gone before it deletes the subnet and the network', async () => {
    const { id } = await createNetwork()
    const subnet = await createSubnet(id)
    const seedPort = (name: string): Promise<Port> =>
      shim.seed<Port>(ports.kind, {
        metadata: {
          name,
          namespace: 'mine',
          ownerReferences: [{ apiVersion: 'compute.kubenova.io/v1alpha1', kind: 'Server', name: 'gone', uid: 'u' }],
        },
        spec: { network: { name: 'mine' } },
        status: { fixedIPs: ['10.9.0.8'] },
      })
    const waiter = shim.services.state.waiterOf(ports)
    if (!waiter) throw new Error('the shim has no store of Ports')
    const waitFor = waiter.waitFor.bind(waiter)
    /** The port goes as soon as the request waits for it. */
    const removeDuring = async (name: string, path: string): Promise<number> => {
      await seedPort(name)
      vi.spyOn(waiter, 'waitFor').mockImplementationOnce(async (...wait) => {
        await shim.api.resource(ports.kind).delete({ name, namespace: 'mine' })
        return waitFor(...wait)
      })
      return (await ask('DELETE', path)).status
    }
    expect(await removeDuring('first', `/subnets/${subnet.id}`)).toBe(204)
    expect(await removeDuring('second', `/networks/${id}`)).toBe(204)
  })

  it('does not delete the port of a server', async () => {
    const network = await createNetwork()
    await shim.seed(servers.kind, {
      metadata: { name: 'web', namespace: 'mine' },
      spec: { flavor: 'f', image: { name: 'i' }, networks: [] },
    })
    const port = await shim.seed<Port>(ports.kind, {
      metadata: { name: 'p', namespace: 'mine' },
      spec: { network: { name: 'mine' }, server: 'web' },
    })
    expect((await list('ports'))[0]).toMatchObject({ device_owner: 'compute:nova', network_id: network.id })
    const answer = await ask('DELETE', `/ports/${port.metadata.uid}`)
    expect([answer.status, answer.body.NeutronError?.message]).toEqual([
      409,
      `Unable to complete operation on port ${port.metadata.uid}: it is used by server web. Detach it first.`,
    ])
  })

  it.each([
    [{ fixed_ips: [{ subnet_id: 'nosuch' }] }, 'because fixed_ips included invalid subnet nosuch.'],
    [{ fixed_ips: [{ ip_address: 'x' }] }, "Invalid input for fixed_ips. Reason: 'x' is not a valid IP address."],
    [{ security_groups: ['x'] }, 'Invalid input for security_groups. Reason: it is always ['],
    [{ 'binding:vnic_type': 'direct' }, 'Invalid input for binding:vnic_type. Reason: it is always "normal" here.'],
  ])('answers 400 to %j', async (port, message) => {
    const { id } = await createNetwork()
    const answer = await ask('POST', '/ports', { port: { network_id: id, ...port } })
    expect(answer.status).toBe(400)
    expect(answer.body.NeutronError?.message).toContain(message)
  })
})

describe('lists', () => {
  const seedNetworks = async (): Promise<void> => {
    for (const name of ['b', 'a', 'c'])
      await shim.seed(networks.kind, { metadata: { name, namespace: 'mine' }, spec: { subnets: [] } })
  }

  it('sorts and cuts pages, with links to the pages around', async () => {
    await seedNetworks()
    const names = async (query: string): Promise<unknown[]> => (await list('networks', query)).map(({ name }) => name)
    expect(await names('?sort_key=name&sort_dir=asc')).toEqual(['a', 'b', 'c'])
    expect(await names('?sort_key=name&sort_dir=desc')).toEqual(['c', 'b', 'a'])
    const { body } = await shim.ask<{ networks: Item[]; networks_links: { rel: string; href: string }[] }>(
      'GET',
      '/network/v2.0/networks?sort_key=name&sort_dir=asc&limit=2',
    )
    const last = body.networks[1]?.id
    expect(body.networks_links).toEqual([
      {
        rel: 'next',
        href: `http://localhost:80/network/v2.0/networks?sort_key=name&sort_dir=asc&limit=2&marker=${last}`,
      },
    ])
    expect(await names(`?sort_key=name&sort_dir=asc&limit=2&marker=${last}`)).toEqual(['c'])
    expect(await names(`?sort_key=name&sort_dir=asc&limit=2&marker=${last}&page_reverse=True`)).toEqual(['a'])
  })

  it('shows the default security group, extensions, quotas and empty collections', async () => {
    const project = shim.callerOf('member')?.project?.id
    const [group] = await list('security_groups', '?name=default')
    expect(group).toMatchObject({ name: 'default', project_id: project })
    expect((await list('security_group_rules', '?direction=ingress')).map(({ ethertype }) => ethertype)).toEqual(
      expect.arrayContaining(['IPv4', 'IPv6']),
    )
    expect(
      (await ask('POST', '/security-groups', { security_group: { name: 'web' } })).body.NeutronError,
    ).toMatchObject({
      type: 'HTTPNotImplemented',
    })
    const groupPath = `/security-groups/${String(group?.['id'])}`
    expect((await ask('DELETE', groupPath)).body.NeutronError).toMatchObject({
      type: 'Conflict',
      message: 'Insufficient rights for removing default security group.',
    })
    expect((await ask('DELETE', groupPath, undefined, 'admin')).status).toBe(204)
    expect(await list('security_groups', '?name=default')).toEqual([group])
    expect((await ask('DELETE', '/security-groups/nosuch')).status).toBe(404)
    expect((await ask('GET', '/extensions/security-group')).status).toBe(200)
    expect((await ask('GET', '/extensions/nosuch')).status).toBe(404)
    expect(await list('floatingips')).toEqual([])
    expect((await ask('GET', '/agents')).body).toEqual({ agents: [] })
    expect((await ask('GET', `/quotas/${project}`)).body['quota']).toMatchObject({ network: -1, port: -1, router: 0 })
    await seedNetworks()
    expect((await ask('GET', `/quotas/${project}/details.json`)).body['quota']).toMatchObject({
      network: { limit: -1, used: 3, reserved: 0 },
    })
    expect((await ask('GET', '/quotas/nosuch')).status).toBe(403)
  })
})
