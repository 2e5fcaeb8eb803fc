import { describe, expect, it } from 'vitest'
import type { Flavor, Image, KeyPair, Network, Port, Server } from '../../crds/index.ts'
import { makeNetwork, makePort, makeSubnet } from '../network/testing.ts'
import { type Lookup, resolve } from './resolve.ts'

const base = { apiVersion: 'compute.kubenova.io/v1alpha1' }
const flavor = (spec: Partial<Flavor['spec']> = {}): Flavor => ({
  ...base,
  kind: 'Flavor',
  metadata: { name: 'tiny' },
  spec: { vcpus: 1, ram: 1024, disk: 10, ephemeral: 0, swap: 0, isPublic: true, ...spec },
})
const image = (spec: Partial<Image['spec']> = {}, namespace = 'ns'): Image => ({
  ...base,
  kind: 'Image',
  metadata: { name: 'cirros', namespace },
  spec: { url: 'https://a/b', format: 'qcow2', minDisk: 0, minRam: 0, visibility: 'private', ...spec },
})
const keyPair: KeyPair = {
  ...base,
  kind: 'KeyPair',
  metadata: { name: 'mine', namespace: 'ns' },
  spec: {
    type: 'ssh',
    publicKey: 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIPlekfeEobhcmpJ2e2LpePhFYtNj5kQoO+vT+DufoZtJ',
  },
}
const lan = makeNetwork([makeSubnet('10.0.0.0/24')])
const ipPort: Port = makePort('mine', { allocated: ['10.0.0.9'] })

function lookup(
  more: Partial<Record<Exclude<keyof Lookup, 'ofUuid' | 'onBridgeOf'>, Record<string, unknown>>> = {},
  servers: Server[] = [],
): Lookup {
  const objects = {
    flavor: { tiny: flavor() },
    image: { 'ns/cirros': image() },
    keyPair: { 'ns/mine': keyPair },
    network: { 'ns/lan': lan },
    port: { 'ns/mine': ipPort },
    ...more,
  }
  const of = (kind: keyof typeof objects) => (key: string) => (objects[kind] as Record<string, never>)[key]
  return {
    flavor: of('flavor'),
    image: of('image'),
    keyPair: of('keyPair'),
    network: of('network'),
    onBridgeOf: ({ spec: { bridge } }) =>
      Object.values(objects.network as Record<string, Network>).filter(({ spec }) => spec.bridge === bridge),
    port: of('port'),
    ofUuid: () => servers,
  }
}

const server = (spec: Partial<Server['spec']> = {}): Server => ({
  ...base,
  kind: 'Server',
  metadata: { name: 'web', namespace: 'ns' },
  spec: {
    flavor: 'tiny',
    image: { name: 'cirros' },
    configDrive: true,
    networks: [],
    powerState: 'Running',
    locked: false,
    ...spec,
  },
})

describe('what is there and may be used', () => {
  it('is followed, in the order of the networks', () => {
    const networks = [{ port: 'mine' }, { name: 'lan', tag: 'front' }]
    const found = resolve(server({ keyName: 'mine', networks }), lookup())
    expect(found).toMatchObject({
      flavor: { metadata: { name: 'tiny' } },
      image: { metadata: { name: 'cirros' } },
      keyPair,
    })
    expect(found.nics).toEqual([
      { entry: networks[0], port: ipPort, network: lan },
      { entry: networks[1], network: lan },
    ])
  })

  it('may lie in another namespace: a public image, a shared network, a port on one', () => {
    const shared = makeNetwork([makeSubnet('10.1.0.0/24')], { namespace: 'infra', shared: true })
    const there = lookup({
      image: { 'infra/cirros': image({ visibility: 'public' }, 'infra') },
      network: { 'infra/lan': shared },
      port: { 'ns/mine': makePort('mine', { network: { name: 'lan', namespace: 'infra' } }) },
    })
    const spec = {
      image: { name: 'cirros', namespace: 'infra' },
      networks: [{ name: 'lan', namespace: 'infra' }, { port: 'mine' }],
    }
    expect(resolve(server(spec), there).nics.map((nic) => nic.network)).toEqual([shared, shared])
  })
})

describe('what stands in the way', () => {
  const hidden = { 'infra/lan': makeNetwork([makeSubnet('10.1.0.0/24')], { namespace: 'infra' }) }
  const pools = [{ start: '10.1.0.10', end: '10.1.0.20' }]
  const shared = {
    'infra/lan': makeNetwork([makeSubnet('10.1.0.0/24', { pools })], { namespace: 'infra', shared: true }),
  }
  const on = (name: string, created: string): Network =>
    makeNetwork([makeSubnet('10.0.0.0/24')], { name, bridge: 'br0', created })
  const onOneBridge = {
    'ns/lan': on('lan', '2026-01-02T00:00:00Z'),
    'ns/older': on('older', '2026-01-01T00:00:00Z'),
  }
  const rows: [string, Partial<Server['spec']>, Parameters<typeof lookup>[0], string][] = [
    [
      'a MAC on a network of others',
      { networks: [{ name: 'lan', namespace: 'infra', macAddress: 'fa:16:3e:00:00:01' }] },
      { network: shared },
      'Network infra/lan: only its own namespace may choose a macAddress',
    ],
    [
      'an address outside of the pools of a network of others',
      { networks: [{ name: 'lan', namespace: 'infra', fixedIP: '10.1.0.53' }] },
      { network: shared },
      'Network infra/lan: 10.1.0.53 is in none of its pools',
    ],
    ['no flavor', {}, { flavor: {} }, 'Flavor tiny does not exist; the server waits for it'],
    ['no image', {}, { image: {} }, 'Image cirros does not exist; the server waits for it'],
    ['no key', { keyName: 'mine' }, { keyPair: {} }, 'KeyPair mine does not exist; the server waits for it'],
    [
      'no network',
      { networks: [{ name: 'lan' }] },
      { network: {} },
      'Network ns/lan does not exist; the server waits for it',
    ],
    ['no port', { networks: [{ port: 'mine' }] }, { port: {} }, 'Port mine does not exist; the server waits for it'],
    [
      'a port whose network is gone',
      { networks: [{ port: 'mine' }] },
      { network: {} },
      'Network ns/lan does not exist; the server waits for it',
    ],
    [
      'a flavor of others',
      {},
      { flavor: { tiny: flavor({ isPublic: false, access: ['x'] }) } },
      'Flavor tiny is not public',
    ],
    [
      'an image of others',
      { image: { name: 'cirros', namespace: 'infra' } },
      { image: { 'infra/cirros': image({}, 'infra') } },
      'Image infra/cirros is private',
    ],
    [
      'a network of others',
      { networks: [{ name: 'lan', namespace: 'infra' }] },
      { network: hidden },
      'Network infra/lan is not shared',
    ],
    ['too little memory', {}, { image: { 'ns/cirros': image({ minRam: 2048 }) } }, 'needs at least 2048 MiB'],
    ['too small a disk', {}, { image: { 'ns/cirros': image({ minDisk: 20 }) } }, 'needs at least 20 GiB'],
    [
      'a key that is none',
      { keyName: 'mine' },
      { keyPair: { 'ns/mine': { ...keyPair, spec: { type: 'ssh', publicKey: 'ssh-rsa A' } } } },
      'KeyPair mine cannot be read',
    ],
    [
      'a network that is about to go',
      { networks: [{ name: 'lan' }] },
      { network: { 'ns/lan': { ...lan, metadata: { ...lan.metadata, deletionTimestamp: '2026-01-01T00:00:00Z' } } } },
      'Network ns/lan is being deleted',
    ],
    [
      'a port that is about to go',
      { networks: [{ port: 'mine' }] },
      {
        port: { 'ns/mine': { ...ipPort, metadata: { ...ipPort.metadata, deletionTimestamp: '2026-01-01T00:00:00Z' } } },
      },
      'Port ns/mine is being deleted',
    ],
    [
      'a port that was made for another server',
      { networks: [{ port: 'mine' }] },
      { port: { 'ns/mine': { ...ipPort, spec: { ...ipPort.spec, server: 'other' } } } },
      'Port mine was made for Server other and goes with it',
    ],
    [
      'a subnet that is none',
      { networks: [{ name: 'lan' }] },
      {
        network: {
          'ns/lan': makeNetwork([makeSubnet('10.0.0.0/24', { pools: [{ start: '10.0.0.9', end: '10.0.0.2' }] })]),
        },
      },
      'Network ns/lan: ',
    ],
    [
      'a subnet that an older network has on the same bridge',
      { networks: [{ name: 'lan' }] },
      { network: onOneBridge },
      'Network ns/lan: 10.0.0.0/24 overlaps a subnet of Network ns/older on the same bridge br0: use another range',
    ],
    [
      'a port on a network whose subnet an older one has on the same bridge',
      { networks: [{ port: 'mine' }] },
      { network: onOneBridge },
      'Network ns/lan: 10.0.0.0/24 overlaps a subnet of Network ns/older on the same bridge br0',
    ],
  ]
  it.each(rows)('%s', (_, spec, objects, message) => {
    const found = lookup(objects)
    expect(() => resolve(server(spec), found)).toThrow(
      expect.objectContaining({ kind: 'Refused', message: expect.stringContaining(message) }),
    )
  })

  it('is not the younger network on the bridge, nor one that is alone there', () => {
    const onIts = (networks: Record<string, Network>) => () =>
      resolve(server({ networks: [{ name: 'lan' }] }), lookup({ network: networks }))
    expect(onIts({ ...onOneBridge, 'ns/older': on('older', '2026-01-03T00:00:00Z') })).not.toThrow()
    expect(onIts({ 'ns/lan': onOneBridge['ns/lan'] })).not.toThrow()
  })

  it('is found by the namespace of the server, not by the name alone', () => {
    const elsewhere = lookup({ image: { 'other/cirros': image({ visibility: 'public' }, 'other') } })
    expect(() => resolve(server(), elsewhere)).toThrow(expect.objectContaining({ code: 'ImageNotFound' }))
  })
})

describe('the uuid of another server', () => {
  const uuid = '7c1f0a6e-58a4-4c3f-9d0a-0d8d9f6a3b21'
  const made = (uid: string, at: string, more: object = {}): Server => {
    const one = server({ uuid })
    return { ...one, ...more, metadata: { ...one.metadata, uid, creationTimestamp: `2026-01-01T00:00:0${at}Z` } }
  }
  const mine = made('b', '5')
  const rows: [string, Server, boolean][] = [
    ['that is its uid', made(uuid, '9'), true],
    ['that has a host', made('c', '9', { status: { host: 'h1' } }), true],
    ['that asked first', made('c', '1'), true],
    ['that asked later', made('c', '9'), false],
    ['itself', mine, false],
  ]
  it.each(rows)('%s', (_, other, refused) => {
    const ask = (): unknown => resolve(mine, lookup({}, [mine, other]))
    if (refused) expect(ask).toThrow(expect.objectContaining({ code: 'UUIDInUse' }))
    else expect(ask).not.toThrow()
  })

  it('does not matter to one that asks for none', () => {
    expect(() => resolve(server(), lookup({}, [made('c', '1')]))).not.toThrow()
  })
})
