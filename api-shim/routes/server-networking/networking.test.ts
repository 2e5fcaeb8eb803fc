import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import type { Network, Port, Server } from '../../../crds/index.ts'
import { networks, ports, servers } from '../../state/stores.ts'
import { TestShim } from '../../testing.ts'

let shim: TestShim
let id: string
let port: Port
let network: Network

const ask = (method: string, suffix: string, options: { body?: unknown; as?: string; version?: string } = {}) =>
  shim.ask<Record<string, unknown>>(method, `/compute/v2.1/servers/${id}${suffix}`, options)

beforeEach(async () => {
  shim = await new TestShim().start()
  network = await shim.seed<Network>(networks.kind, {
    metadata: { name: 'private', namespace: 'mine' },
    spec: { subnets: [{ cidr: '10.10.0.0/16' }] },
  })
  port = await shim.seed<Port>(ports.kind, {
    metadata: { name: 'p', namespace: 'mine' },
    spec: { network: { name: 'private' } },
    status: { macAddress: 'fa:16:3e:00:00:01', fixedIPs: ['10.10.0.5'], server: 's' },
  })
  const server = await shim.seed<Server>(servers.kind, {
    metadata: { name: 's', namespace: 'mine' },
    spec: { flavor: 'f', image: { name: 'i' } },
    status: {
      host: 'h',
      vmState: 'active',
      launchedAt: '2026-01-02T03:04:05Z',
      addresses: [{ network: 'private', address: '10.10.0.5', version: 4, macAddress: 'fa:16:3e:00:00:01' }],
    },
  })
  id = server.metadata.uid ?? ''
})
afterEach(() => shim[Symbol.asyncDispose]())

describe('GET /servers/{server_id}/ips', () => {
  it('shows the addresses by network', async () => {
    expect((await ask('GET', '/ips')).body).toEqual({ addresses: { private: [{ version: 4, addr: '10.10.0.5' }] } })
    expect((await ask('GET', '/ips/private')).body).toEqual({ private: [{ version: 4, addr: '10.10.0.5' }] })
    expect((await ask('GET', '/ips/bogus')).body).toMatchObject({
      itemNotFound: { message: 'Instance is not a member of specified network' },
    })
  })
})

describe('a network whose name is no name of an object', () => {
  it('shows addresses by the name in Neutron', async () => {
    await shim.api.resource(networks.kind).patch(network.metadata, {
      metadata: { annotations: { 'compute.kubenova.io/display-name': 'My Network' } },
    })
    const shown = async () => (await ask('GET', '/ips/My%20Network')).body
    await vi.waitFor(async () => expect(await shown()).toEqual({ 'My Network': [{ version: 4, addr: '10.10.0.5' }] }))
    expect((await ask('GET', '')).body).toMatchObject({ server: { addresses: { 'My Network': [{ version: 4 }] } } })
  })
})

describe('a network whose name every object has as a member', () => {
  it.each(['constructor', '__proto__'])('shows the addresses of a server in the network %s', async (name) => {
    await shim.api.resource(networks.kind).patch(network.metadata, {
      metadata: { annotations: { 'compute.kubenova.io/display-name': name } },
    })
    const shown = async () => Object.entries((await ask('GET', `/ips/${name}`)).body)
    await vi.waitFor(async () => expect(await shown()).toEqual([[name, [{ version: 4, addr: '10.10.0.5' }]]]))
    expect((await ask('GET', '')).status).toBe(200)
  })
})

describe('the proxies to networks', () => {
  const get = (path: string, options: { as?: string; version?: string } = {}) =>
    shim.ask<{ network?: object; networks?: object[]; itemNotFound?: object }>('GET', `/compute/v2.1${path}`, options)

  it('show the ID and the name, and more fields to administrators', async () => {
    const names = { id: network.metadata.uid, label: 'private' }
    expect((await get('/os-tenant-networks')).body).toEqual({ networks: [{ ...names, cidr: 'None' }] })
    expect((await get(`/os-networks/${network.metadata.uid}`)).body.network).toMatchObject({ ...names, gateway: null })
    const keysFor = async (as: string) => Object.keys((await get('/os-networks', { as })).body.networks?.[0] ?? {})
    expect((await keysFor('member')).length).toBe(11)
    expect((await keysFor('admin')).length).toBe(32)
  })

  it('answer 404 to an unknown network, and from 2.36 on', async () => {
    expect((await get('/os-networks/nosuch')).body).toMatchObject({ itemNotFound: { message: 'Network not found' } })
    expect((await get('/os-networks', { version: '2.36' })).status).toBe(404)
  })
})

describe('/servers/{server_id}/os-interface', () => {
  it('shows the ports, with tags since 2.70', async () => {
    const shown = {
      net_id: network.metadata.uid,
      port_id: port.metadata.uid,
      mac_addr: 'fa:16:3e:00:00:01',
      port_state: 'ACTIVE',
      fixed_ips: [{ subnet_id: expect.any(String) as string, ip_address: '10.10.0.5' }],
    }
    expect((await ask('GET', '/os-interface')).body).toEqual({ interfaceAttachments: [shown] })
    expect((await ask('GET', `/os-interface/${port.metadata.uid}`, { version: '2.70' })).body).toEqual({
      interfaceAttachment: { ...shown, tag: null },
    })
    expect((await ask('GET', '/os-interface/bogus')).body).toMatchObject({
      itemNotFound: { message: 'Port id bogus could not be found.' },
    })
  })

  it.each([
    [
      { port_id: '5f0a1c9e-3b52-4c6e-9d1f-7a2b8c3d4e5f', net_id: '5f0a1c9e-3b52-4c6e-9d1f-7a2b8c3d4e5f' },
      'Must not input both network_id and port_id',
    ],
    [{ fixed_ips: [{ ip_address: '10.10.0.9' }] }, 'Must input network_id when request IP address'],
    [{ fixed_ips: [] }, 'Invalid input for field/attribute fixed_ips. Value: []. [] should be non-empty'],
  ])('answers 400 to an attachment of %j', async (interfaceAttachment, message) => {
    expect(await ask('POST', '/os-interface', { body: { interfaceAttachment } })).toMatchObject({
      status: 400,
      body: { badRequest: { message } },
    })
  })

  it('says that interfaces cannot be attached and detached', async () => {
    expect(await ask('POST', '/os-interface', { body: {} })).toMatchObject({
      status: 400,
      body: { badRequest: { message: `Attaching interfaces is not supported for instance ${id}.` } },
    })
    expect(
      (await ask('POST', '/os-interface', { body: { interfaceAttachment: { port_id: port.metadata.uid } } })).body,
    ).toMatchObject({ conflictingRequest: { message: `Port ${port.metadata.uid} is still in use.` } })
    expect((await ask('DELETE', `/os-interface/${port.metadata.uid}`)).status).toBe(400)
    expect((await ask('DELETE', '/os-interface/bogus')).status).toBe(202)
  })
})

describe('GET /servers/{server_id}/os-security-groups', () => {
  it('shows the default group of the project', async () => {
    expect((await ask('GET', '/os-security-groups')).body).toMatchObject({
      security_groups: [{ name: 'default', tenant_id: shim.callerOf('member')?.project?.id, rules: [{}, {}] }],
    })
  })
})
