import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Guest } from '../../actions/host/index.ts'
import type { FixedIP, Interface } from '../../crds/index.ts'
import { buildMetadataFiles, sanitizeHostname } from './metadata.ts'
import { buildNetworkData } from './network-data.ts'

const makeFixedIP = (address: string, overrides: Partial<FixedIP> = {}): FixedIP => ({
  address,
  prefixLength: 24,
  dhcp: true,
  ...overrides,
})
const makeInterface = (overrides: Partial<Interface> = {}): Interface => ({
  port: 'p',
  portId: '5a1d3c9e-aaaa-4000-8000-000000000001',
  network: 'n',
  networkNamespace: 'blue',
  networkId: '7b2c1f00-1111-4222-8333-444455556666',
  mtu: 1450,
  macAddress: 'fa:16:3e:00:00:01',
  portSecurity: true,
  fixedIPs: [makeFixedIP('10.0.0.5', { gateway: '10.0.0.1', dnsServers: ['10.0.0.2'] })],
  ...overrides,
})

const makeGuest = (spec: Partial<Guest['server']['spec']> = {}, instance: Partial<Guest['instance']> = {}): Guest => ({
  server: {
    apiVersion: 'compute.kubenova.io/v1alpha1',
    kind: 'Server',
    metadata: { name: 'web-1', namespace: 'blue', uid: 'server-uid' },
    spec: { flavor: 'm1', configDrive: true, networks: [], powerState: 'Running', locked: false, ...spec },
  },
  instance: {
    uuid: '0f6a0c3e-5b0e-4a55-9d0b-3f8f1f6f2a11',
    availabilityZone: 'az1',
    flavor: { name: 'm1', vcpus: 1, ram: 512, disk: 1, ephemeral: 0, swap: 0 },
    image: {
      name: 'i',
      namespace: 'images',
      uid: '1c2d3e4f-0000-4000-8000-aabbccddeeff',
      url: 'https://x/y',
      format: 'qcow2',
    },
    interfaces: [makeInterface()],
    keys: [],
    ...instance,
  },
})

const randomSeed = Buffer.alloc(512, 7)
const filesOf = (guest: Guest) => buildMetadataFiles(guest, randomSeed)
const readJson = (guest: Guest, path: string) =>
  JSON.parse(Buffer.from(filesOf(guest).get(path)!).toString()) as Record<string, unknown>

describe('buildMetadataFiles', () => {
  test('gives the guest the password and the files from a Secret, as Nova does', () => {
    const secrets = {
      adminPassword: 'a1B2',
      files: ['hello', 'world'].map((text, i) => ({ path: `/etc/f${i}`, contents: Buffer.from(text) })),
    }
    const files = buildMetadataFiles(makeGuest(), randomSeed, secrets)
    for (const version of ['2012-08-10', 'latest'])
      expect(JSON.parse(Buffer.from(files.get(`openstack/${version}/meta_data.json`)!).toString())).toMatchObject({
        admin_pass: 'a1B2',
        files: [
          { path: '/etc/f0', content_path: '/content/0000' },
          { path: '/etc/f1', content_path: '/content/0001' },
        ],
      })
    expect(Buffer.from(files.get('openstack/content/0001')!).toString()).toBe('world')
    expect(readJson(makeGuest(), 'openstack/latest/meta_data.json')).not.toHaveProperty('files')
  })

  test('gives each version the files that Nova gives it', () => {
    const paths = [...filesOf(makeGuest({ userData: '#!/bin/sh' })).keys()]
    const filesOfVersion = (version: string) =>
      paths.filter((path) => path.startsWith(`openstack/${version}/`)).map((path) => path.split('/')[2])
    expect(filesOfVersion('2012-08-10')).toEqual(['meta_data.json', 'user_data'])
    expect(filesOfVersion('2013-10-17')).toEqual(['meta_data.json', 'user_data', 'vendor_data.json'])
    expect(filesOfVersion('2015-10-15')).toEqual([
      'meta_data.json',
      'user_data',
      'vendor_data.json',
      'network_data.json',
    ])
    for (const version of ['2016-10-06', '2017-02-22', '2018-08-27', '2020-10-14', 'latest']) {
      expect(filesOfVersion(version)).toEqual([
        'meta_data.json',
        'user_data',
        'vendor_data.json',
        'network_data.json',
        'vendor_data2.json',
      ])
    }
    expect(paths.filter((path) => path.startsWith('ec2/'))).toEqual([
      'ec2/2009-04-04/user-data',
      'ec2/2009-04-04/meta-data.json',
      'ec2/latest/user-data',
      'ec2/latest/meta-data.json',
    ])
  })

  test('adds no user_data without user data', () => {
    expect([...filesOf(makeGuest()).keys()].filter((path) => /user.data/.test(path))).toEqual([])
  })

  test.each([
    [{ userData: 'täxt\n' }, Buffer.from('täxt\n')],
    [{ userDataBase64: 'AAH/gA==' }, Buffer.from([0, 1, 255, 128])],
  ])('keeps every byte of user data %j', (spec, bytes) => {
    expect(Buffer.from(filesOf(makeGuest(spec)).get('openstack/latest/user_data')!)).toEqual(bytes)
  })
})

describe('meta_data.json of buildMetadataFiles', () => {
  const fullGuest = makeGuest(
    { displayName: 'Web Server_1', metadata: { role: 'web' } },
    {
      keys: [{ name: 'mine', type: 'ssh', data: 'ssh-ed25519 AAAA me' }],
      interfaces: [makeInterface({ tag: 'front' }), makeInterface()],
    },
  )
  test('has all fields in version latest', () => {
    expect(readJson(fullGuest, 'openstack/latest/meta_data.json')).toEqual({
      uuid: '0f6a0c3e-5b0e-4a55-9d0b-3f8f1f6f2a11',
      meta: { role: 'web' },
      public_keys: { mine: 'ssh-ed25519 AAAA me' },
      keys: [{ name: 'mine', type: 'ssh', data: 'ssh-ed25519 AAAA me' }],
      hostname: 'web-server-1',
      name: 'Web Server_1',
      launch_index: 0,
      availability_zone: 'az1',
      random_seed: randomSeed.toString('base64'),
      project_id: 'blue',
      devices: [
        { vf_trusted: false, type: 'nic', mac: 'fa:16:3e:00:00:01', bus: 'pci', address: 'none', tags: ['front'] },
      ],
      dedicated_cpus: [],
    })
  })
  test.each([
    ['2012-08-10', []],
    ['2013-04-04', ['random_seed']],
    ['2015-10-15', ['random_seed', 'project_id']],
    ['2016-06-30', ['random_seed', 'project_id', 'devices']],
    ['2020-10-14', ['random_seed', 'project_id', 'devices', 'dedicated_cpus']],
  ])('has in version %s the fields %j besides those of every version', (version, newer) => {
    const keys = Object.keys(readJson(makeGuest(), `openstack/${version}/meta_data.json`))
    expect(keys).toEqual(['uuid', 'hostname', 'name', 'launch_index', 'availability_zone', ...newer])
  })
  test('has the hostname of the spec unchanged', () => {
    const files = filesOf(makeGuest({ hostname: 'DB.example', displayName: 'x' }))
    expect(JSON.parse(Buffer.from(files.get('openstack/latest/meta_data.json')!).toString())).toMatchObject({
      hostname: 'DB.example',
    })
  })
  test('has ids from UUIDs and the block devices in the EC2 format', () => {
    const { interfaces } = fullGuest.instance
    const withAllDisks = makeGuest(
      {},
      { interfaces, keys: fullGuest.instance.keys, flavor: { ...fullGuest.instance.flavor, ephemeral: 1, swap: 1 } },
    )
    expect(readJson(withAllDisks, 'ec2/latest/meta-data.json')).toMatchObject({
      'instance-id': 'i-0f6a0c3e',
      'ami-id': 'ami-1c2d3e4f',
      'local-ipv4': '10.0.0.5',
      'public-keys': { 0: { _name: '0=mine', 'openssh-key': 'ssh-ed25519 AAAA me' } },
      'block-device-mapping': { ami: 'vda', root: '/dev/vda', ephemeral0: '/dev/vdb', swap: '/dev/vdc' },
      placement: { 'availability-zone': 'az1' },
    })
  })
})

describe('buildNetworkData', () => {
  test('gives no address for DHCP, and lists each resolver can be given once', () => {
    const second = makeInterface({ portId: '6b1d3c9e-bbbb-4000-8000-000000000002', macAddress: 'fa:16:3e:00:00:02' })
    expect(buildNetworkData([makeInterface(), second])).toEqual({
      links: [
        {
          id: 'tap5a1d3c9e-aa',
          vif_id: '5a1d3c9e-aaaa-4000-8000-000000000001',
          type: 'bridge',
          mtu: 1450,
          ethernet_mac_address: 'fa:16:3e:00:00:01',
        },
        {
          id: 'tap6b1d3c9e-bb',
          vif_id: '6b1d3c9e-bbbb-4000-8000-000000000002',
          type: 'bridge',
          mtu: 1450,
          ethernet_mac_address: 'fa:16:3e:00:00:02',
        },
      ],
      networks: [
        {
          id: 'network0',
          type: 'ipv4_dhcp',
          link: 'tap5a1d3c9e-aa',
          network_id: '7b2c1f00-1111-4222-8333-444455556666',
        },
        {
          id: 'network1',
          type: 'ipv4_dhcp',
          link: 'tap6b1d3c9e-bb',
          network_id: '7b2c1f00-1111-4222-8333-444455556666',
        },
      ],
      services: [{ type: 'dns', address: '10.0.0.2' }],
    })
  })

  test('gives static addresses of both families with their routes', () => {
    const v4 = makeFixedIP('10.1.2.3', {
      prefixLength: 20,
      dhcp: false,
      gateway: '10.1.0.1',
      dnsServers: ['10.0.0.2', '10.0.0.3'],
      hostRoutes: [{ destination: '192.168.7.9/16', nextHop: '10.1.0.9' }],
    })
    const v6 = makeFixedIP('fd00::5', {
      prefixLength: 64,
      dhcp: false,
      gateway: 'fd00::1',
      hostRoutes: [{ destination: 'fd01:2:3::/48', nextHop: 'fd00::9' }],
    })
    const common = { link: 'tap5a1d3c9e-aa', network_id: '7b2c1f00-1111-4222-8333-444455556666' }
    expect(buildNetworkData([makeInterface({ fixedIPs: [v6, v4] })])).toMatchObject({
      networks: [
        {
          ...common,
          id: 'network0',
          type: 'ipv4',
          ip_address: '10.1.2.3',
          netmask: '255.255.240.0',
          routes: [
            { network: '0.0.0.0', netmask: '0.0.0.0', gateway: '10.1.0.1' },
            { network: '192.168.0.0', netmask: '255.255.0.0', gateway: '10.1.0.9' },
          ],
          services: [
            { type: 'dns', address: '10.0.0.2' },
            { type: 'dns', address: '10.0.0.3' },
          ],
        },
        {
          ...common,
          id: 'network1',
          type: 'ipv6',
          ip_address: 'fd00::5',
          netmask: 'ffff:ffff:ffff:ffff::',
          routes: [
            { network: '::', netmask: '::', gateway: 'fd00::1' },
            { network: 'fd01:2:3::', netmask: 'ffff:ffff:ffff::', gateway: 'fd00::9' },
          ],
          services: [],
        },
      ],
      services: [
        { type: 'dns', address: '10.0.0.2' },
        { type: 'dns', address: '10.0.0.3' },
      ],
    })
  })

  const onLinkRoute = { network: '169.254.0.1', netmask: '255.255.255.255', gateway: '0.0.0.0' }
  const single = makeFixedIP('203.0.113.7', { prefixLength: 32, dhcp: false, gateway: '169.254.0.1' })
  const v6 = makeFixedIP('2001:db8:50::5', { prefixLength: 64 })
  const entryOf = (ip: FixedIP) => buildNetworkData([makeInterface({ fixedIPs: [ip] })]).networks[0]

  test('gives a gateway outside the subnet as cloud-init takes it: with a route to the gateway itself', () => {
    expect(entryOf(single)).toMatchObject({
      type: 'ipv4',
      ip_address: '203.0.113.7',
      netmask: '255.255.255.255',
      gateway: '169.254.0.1',
      routes: [onLinkRoute],
    })
  })

  test('gives a route to each other router outside the subnet, once', () => {
    const hostRoutes = [
      { destination: '10.0.0.0/16', nextHop: '172.31.1.1' },
      { destination: '10.1.0.0/16', nextHop: '172.31.1.1' },
      { destination: '10.2.0.0/16', nextHop: '169.254.0.1' },
    ]
    expect(entryOf({ ...single, hostRoutes })).toMatchObject({
      gateway: '169.254.0.1',
      routes: [
        onLinkRoute,
        { network: '172.31.1.1', netmask: '255.255.255.255', gateway: '0.0.0.0' },
        { network: '10.0.0.0', netmask: '255.255.0.0', gateway: '172.31.1.1' },
        { network: '10.1.0.0', netmask: '255.255.0.0', gateway: '172.31.1.1' },
        { network: '10.2.0.0', netmask: '255.255.0.0', gateway: '169.254.0.1' },
      ],
    })
  })

  test('leaves a gateway outside the subnet to DHCP for IPv4', () => {
    expect(entryOf({ ...single, dhcp: true })).toEqual({
      id: 'network0',
      type: 'ipv4_dhcp',
      link: 'tap5a1d3c9e-aa',
      network_id: '7b2c1f00-1111-4222-8333-444455556666',
    })
  })

  test.each([
    ['in the subnet', '2001:db8:50::1'],
    ['that is link-local', 'fe80::1'],
  ])('gives an IPv6 gateway %s with the address, even with DHCP, because DHCPv6 cannot name a router', (_, gateway) => {
    expect(entryOf({ ...v6, gateway, dnsServers: ['2001:db8::53'] })).toMatchObject({
      type: 'ipv6',
      ip_address: '2001:db8:50::5',
      netmask: 'ffff:ffff:ffff:ffff::',
      routes: [{ network: '::', netmask: '::', gateway }],
      services: [{ type: 'dns', address: '2001:db8::53' }],
    })
    expect(entryOf({ ...v6, gateway })).not.toHaveProperty('gateway')
  })

  test('gives an IPv6 gateway that onLink allows with a route to the gateway itself', () => {
    expect(entryOf({ ...v6, gateway: '2001:db8:ff::1' })).toMatchObject({
      type: 'ipv6',
      gateway: '2001:db8:ff::1',
      routes: [{ network: '2001:db8:ff::1', netmask: 'ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff', gateway: '::' }],
    })
  })

  test('leaves IPv6 without a gateway to DHCP, and to a router that advertises itself, with its other routes', () => {
    expect(entryOf(v6)).toEqual({
      id: 'network0',
      type: 'ipv6_dhcp',
      link: 'tap5a1d3c9e-aa',
      network_id: '7b2c1f00-1111-4222-8333-444455556666',
    })
    expect(entryOf({ ...v6, hostRoutes: [{ destination: 'fd01::/48', nextHop: '2001:db8:50::9' }] })).toMatchObject({
      type: 'ipv6_dhcp',
      routes: [{ network: 'fd01::', netmask: 'ffff:ffff:ffff::', gateway: '2001:db8:50::9' }],
    })
  })

  test('gives no default route without a gateway, and nothing for an interface without addresses', () => {
    expect(
      buildNetworkData([makeInterface({ fixedIPs: [makeFixedIP('10.0.0.5', { dhcp: false })] })]).networks[0]?.routes,
    ).toEqual([])
    expect(buildNetworkData([makeInterface({ fixedIPs: [] })])).toEqual({ links: [], networks: [], services: [] })
  })
})

// For names in ASCII, the expected values are those of Nova 34.0.0.
test.each([
  ['web-1', 'web-1'],
  ['My Server_01.example', 'my-server-01-example'],
  ['.-edge-.', 'edge'],
  ['....test.example.com...', 'test-example-com'],
  ['(#@&$!(@*--#&91)(__=+--test-host.example!!.com-0+', '91----test-host-example-com-0'],
  ['-_.', 'Server-7'],
  ['a/b\\c"d', 'abcd'],
  ['', 'Server-7'],
  ['x'.repeat(70), 'x'.repeat(63)],
  [`${'x'.repeat(62)} y`, 'x'.repeat(62)],
  ['büro-größe-1', 'buro-grosse-1'],
  ['Grüße & Co', 'grusse--co'],
  ['CAFÉ', 'cafe'],
  ['cafe\u0301', 'cafe'],
  ['İstanbul', 'istanbul'],
  ['服务器', 'Server-7'],
  ['服务器-a', 'a'],
  ['-ё-', 'Server-7'],
  ['½²', 'Server-7'],
  ['👩‍💻 web', 'web'],
  [`${'x'.repeat(62)}-ü`, 'x'.repeat(62)],
  ['ß'.repeat(40), 's'.repeat(63)],
])('sanitizeHostname makes of %j %j', (name, hostname) => expect(sanitizeHostname(name, 'Server-7')).toBe(hostname))

test('sanitizeHostname makes a valid host name of any name', () => {
  fc.assert(
    fc.property(fc.oneof(fc.string({ unit: 'binary' }), fc.string({ minLength: 60, maxLength: 70 })), (name) => {
      const hostname = sanitizeHostname(name, 'Server-0f6a0c3e-5b0e-4a55-9d0b-3f8f1f6f2a11')
      expect(hostname).toMatch(/^[a-zA-Z0-9]([a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?$/)
    }),
    { numRuns: 50 },
  )
})
