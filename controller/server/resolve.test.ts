import { describe, expect, it } from 'vitest'
import type { Flavor, Image, KeyPair, Network, Port, Server } from '../../crds/index.ts'
import { makeNetwork, makePort, makeSubnet } from '../network/testing.ts'
import { type Lookup, resolveReferences } from './resolve.ts'

const base = { apiVersion: 'compute.kubenova.io/v1alpha1' }
const makeFlavor = (spec: Partial<Flavor['spec']> = {}): Flavor => ({
  ...base,
  kind: 'Flavor',
  metadata: { name: 'tiny' },
  spec: { vcpus: 1, ram: 1024, disk: 10, ephemeral: 0, swap: 0, isPublic: true, ...spec },
})
const makeImage = (spec: Partial<Image['spec']> = {}, namespace = 'ns'): Image => ({
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
const userPort: Port = makePort('mine', { allocated: ['10.0.0.9'] })

function makeLookup(
  overrides: Partial<
    Record<Exclude<keyof Lookup, 'serversByUuid' | 'networksOnBridgeOf'>, Record<string, unknown>>
  > = {},
  servers: Server[] = [],
): Lookup {
  const objects = {
    flavor: { tiny: makeFlavor() },
    image: { 'ns/cirros': makeImage() },
    keyPair: { 'ns/mine': keyPair },
    network: { 'ns/lan': lan },
    port: { 'ns/mine': userPort },
    ...overrides,
  }
  const findIn = (kind: keyof typeof objects) => (key: string) => (objects[kind] as Record<string, never>)[key]
  return {
    flavor: findIn('flavor'),
    image: findIn('image'),
    keyPair: findIn('keyPair'),
    network: findIn('network'),
    describeAddressUser: () => undefined,
    networksOnBridgeOf: ({ spec: { bridge } }) =>
      Object.values(objects.network as Record<string, Network>).filter(({ spec }) => spec.bridge === bridge),
    port: findIn('port'),
    serversByUuid: () => servers,
  }
}

const makeServer = (spec: Partial<Server['spec']> = {}): Server => ({
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

describe('resolveReferences', () => {
  it('resolves flavor, image, key and networks, in the order of the networks', () => {
    const networks = [{ port: 'mine' }, { name: 'lan', tag: 'front' }]
    const found = resolveReferences(makeServer({ keyName: 'mine', networks }), makeLookup())
    expect(found).toMatchObject({
      flavor: { metadata: { name: 'tiny' } },
      image: { metadata: { name: 'cirros' } },
      keyPair,
    })
    expect(found.nics).toEqual([
      { entry: networks[0], port: userPort, network: lan },
      { entry: networks[1], network: lan },
    ])
  })

  it('resolves a public image, a shared network and a port on it from another namespace', () => {
    const shared = makeNetwork([makeSubnet('10.1.0.0/24')], { namespace: 'infra', shared: true })
    const lookup = makeLookup({
      image: { 'infra/cirros': makeImage({ visibility: 'public' }, 'infra') },
      network: { 'infra/lan': shared },
      port: { 'ns/mine': makePort('mine', { network: { name: 'lan', namespace: 'infra' } }) },
    })
    const spec = {
      image: { name: 'cirros', namespace: 'infra' },
      networks: [{ name: 'lan', namespace: 'infra' }, { port: 'mine' }],
    }
    expect(resolveReferences(makeServer(spec), lookup).nics.map((nic) => nic.network)).toEqual([shared, shared])
  })
})

describe('resolveReferences rejects', () => {
  const hidden = { 'infra/lan': makeNetwork([makeSubnet('10.1.0.0/24')], { namespace: 'infra' }) }
  const pools = [{ start: '10.1.0.10', end: '10.1.0.20' }]
  const shared = {
    'infra/lan': makeNetwork([makeSubnet('10.1.0.0/24', { pools })], { namespace: 'infra', shared: true }),
  }
  const makeOnBridge = (name: string, created: string): Network =>
    makeNetwork([makeSubnet('10.0.0.0/24')], { name, bridge: 'br0', created })
  const overlapping = {
    'ns/lan': makeOnBridge('lan', '2026-01-02T00:00:00Z'),
    'ns/older': makeOnBridge('older', '2026-01-01T00:00:00Z'),
  }
  const rows: [string, Partial<Server['spec']>, Parameters<typeof makeLookup>[0], string][] = [
    [
      'a MAC on a shared network of another namespace',
      { networks: [{ name: 'lan', namespace: 'infra', macAddress: 'fa:16:3e:00:00:01' }] },
      { network: shared },
      'Network infra/lan: only its own namespace may choose a macAddress',
    ],
    [
      'an address outside the pools of a shared network of another namespace',
      { networks: [{ name: 'lan', namespace: 'infra', fixedIP: '10.1.0.53' }] },
      { network: shared },
      'Network infra/lan: 10.1.0.53 is in none of its pools',
    ],
    [
      'the address of a resolver on a shared network of another namespace',
      { networks: [{ name: 'lan', namespace: 'infra', fixedIP: '10.1.0.53' }] },
      {
        network: {
          'infra/lan': makeNetwork([makeSubnet('10.1.0.0/24', { dnsServers: ['10.1.0.53'] })], {
            namespace: 'infra',
            shared: true,
          }),
        },
      },
      'Network infra/lan: 10.1.0.53 is in none of its pools',
    ],
    ['a missing flavor', {}, { flavor: {} }, 'Flavor tiny does not exist; the server waits for it'],
    ['a missing image', {}, { image: {} }, 'Image cirros does not exist; the server waits for it'],
    ['a missing key', { keyName: 'mine' }, { keyPair: {} }, 'KeyPair mine does not exist; the server waits for it'],
    [
      'a missing network',
      { networks: [{ name: 'lan' }] },
      { network: {} },
      'Network ns/lan does not exist; the server waits for it',
    ],
    [
      'a missing port',
      { networks: [{ port: 'mine' }] },
      { port: {} },
      'Port mine does not exist; the server waits for it',
    ],
    [
      'a port whose network is missing',
      { networks: [{ port: 'mine' }] },
      { network: {} },
      'Network ns/lan does not exist; the server waits for it',
    ],
    [
      'a flavor that is not public',
      {},
      { flavor: { tiny: makeFlavor({ isPublic: false, access: ['x'] }) } },
      'Flavor tiny is not public',
    ],
    [
      'a private image of another namespace',
      { image: { name: 'cirros', namespace: 'infra' } },
      { image: { 'infra/cirros': makeImage({}, 'infra') } },
      'Image infra/cirros is private',
    ],
    [
      'a network of another namespace that is not shared',
      { networks: [{ name: 'lan', namespace: 'infra' }] },
      { network: hidden },
      'Network infra/lan is not shared',
    ],
    [
      'a flavor with too little memory',
      {},
      { image: { 'ns/cirros': makeImage({ minRam: 2048 }) } },
      'needs at least 2048 MiB',
    ],
    [
      'a flavor with too small a disk',
      {},
      { image: { 'ns/cirros': makeImage({ minDisk: 20 }) } },
      'needs at least 20 GiB',
    ],
    [
      'a key that cannot be parsed',
      { keyName: 'mine' },
      { keyPair: { 'ns/mine': { ...keyPair, spec: { type: 'ssh', publicKey: 'ssh-rsa A' } } } },
      'KeyPair mine cannot be read',
    ],
    [
      'a terminating network',
      { networks: [{ name: 'lan' }] },
      { network: { 'ns/lan': { ...lan, metadata: { ...lan.metadata, deletionTimestamp: '2026-01-01T00:00:00Z' } } } },
      'Network ns/lan is being deleted',
    ],
    [
      'a terminating port',
      { networks: [{ port: 'mine' }] },
      {
        port: {
          'ns/mine': { ...userPort, metadata: { ...userPort.metadata, deletionTimestamp: '2026-01-01T00:00:00Z' } },
        },
      },
      'Port ns/mine is being deleted',
    ],
    [
      'a port that the controller created for another server',
      { networks: [{ port: 'mine' }] },
      { port: { 'ns/mine': { ...userPort, spec: { ...userPort.spec, server: 'other' } } } },
      'Port mine was made for Server other and goes with it',
    ],
    [
      'a network with an invalid pool',
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
      { network: overlapping },
      'Network ns/lan: 10.0.0.0/24 overlaps a subnet of Network ns/older on the same bridge br0: use another range',
    ],
    [
      'a port on a network whose subnet an older one has on the same bridge',
      { networks: [{ port: 'mine' }] },
      { network: overlapping },
      'Network ns/lan: 10.0.0.0/24 overlaps a subnet of Network ns/older on the same bridge br0',
    ],
  ]
  it.each(rows)('%s', (_, spec, objects, message) => {
    const lookup = makeLookup(objects)
    expect(() => resolveReferences(makeServer(spec), lookup)).toThrow(
      expect.objectContaining({ kind: 'Refused', message: expect.stringContaining(message) }),
    )
  })

  it('no network that is the older one on its bridge, or alone there', () => {
    const resolveWith = (networks: Record<string, Network>) => () =>
      resolveReferences(makeServer({ networks: [{ name: 'lan' }] }), makeLookup({ network: networks }))
    expect(resolveWith({ ...overlapping, 'ns/older': makeOnBridge('older', '2026-01-03T00:00:00Z') })).not.toThrow()
    expect(resolveWith({ 'ns/lan': overlapping['ns/lan'] })).not.toThrow()
  })

  it('an image of the right name in another namespace', () => {
    const lookup = makeLookup({ image: { 'other/cirros': makeImage({ visibility: 'public' }, 'other') } })
    expect(() => resolveReferences(makeServer(), lookup)).toThrow(expect.objectContaining({ code: 'ImageNotFound' }))
  })
})

describe('resolveReferences with a spec.uuid that another server', () => {
  const uuid = '7c1f0a6e-58a4-4c3f-9d0a-0d8d9f6a3b21'
  const makeOther = (uid: string, at: string, more: object = {}): Server => {
    const base = makeServer({ uuid })
    return { ...base, ...more, metadata: { ...base.metadata, uid, creationTimestamp: `2026-01-01T00:00:0${at}Z` } }
  }
  const mine = makeOther('b', '5')
  const rows: [string, Server, boolean][] = [
    ['has as its uid, throws UUIDInUse', makeOther(uuid, '9'), true],
    ['has and is placed, throws UUIDInUse', makeOther('c', '9', { status: { host: 'h1' } }), true],
    ['asked for first, throws UUIDInUse', makeOther('c', '1'), true],
    ['asked for later, succeeds', makeOther('c', '9'), false],
    ['is the server itself, succeeds', mine, false],
  ]
  it.each(rows)('%s', (_, other, throws) => {
    const act = (): unknown => resolveReferences(mine, makeLookup({}, [mine, other]))
    if (throws) expect(act).toThrow(expect.objectContaining({ code: 'UUIDInUse' }))
    else expect(act).not.toThrow()
  })

  it('asked for, succeeds for a server without spec.uuid', () => {
    expect(() => resolveReferences(makeServer(), makeLookup({}, [makeOther('c', '1')]))).not.toThrow()
  })
})
