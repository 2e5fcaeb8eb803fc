import { describe, expect, test } from 'vitest'
import { buildDesiredNetworks } from './desired.ts'
import { plan } from './plan.ts'
import { NO_RULES, rulesOf } from './rules.ts'
import { createGuest, createLink, KEY, linksByName } from './testing.ts'
import type { Command, DesiredNetwork, HostedGuest, Link, Observed } from './types.ts'

const [BRIDGE, OUTER, NAMESPACE, FOLDER] = [`kn${KEY}`, `kd${KEY}`, `kubenova-${KEY}`, `/state/${KEY}`]
const folder = (key: string) => `/state/${key}`
const desiredOf = (...guests: HostedGuest[]) => buildDesiredNetworks(guests, folder)
const EMPTY_HOST: Observed = { links: new Map(), namespaces: new Map(), dhcp: new Map(), rules: NO_RULES }

const bridge = createLink(BRIDGE, { kind: 'bridge' })
const outer = createLink(OUTER, { kind: 'veth', index: 7, master: BRIDGE })

function convergedState(desired: ReadonlyMap<string, DesiredNetwork>, ...more: Link[]): Observed {
  const { dhcp } = desired.get(KEY) ?? {}
  const inner = createLink('dhcp0', { kind: 'veth', peer: 7, mac: dhcp?.mac ?? '', addresses: dhcp?.addresses ?? [] })
  return {
    links: linksByName(bridge, outer, ...more),
    namespaces: new Map([[KEY, { device: inner }]]),
    dhcp: new Map(dhcp ? [[KEY, { pids: [42], applied: dhcp.config }]] : []),
    rules: rulesOf([...desired.values()]),
  }
}

function toLines(commands: readonly Command[]): string[] {
  return commands.map((c) => {
    if (c.do === 'exec') return c.argv.join(' ')
    if (c.do === 'write' || c.do === 'remove') return `${c.do} ${c.path}`
    return c.do === 'rules' ? 'rules' : `${c.do} ${c.pid}`
  })
}

const planFor = (
  desired: ReadonlyMap<string, DesiredNetwork>,
  observed: Observed,
  options: { keys: ReadonlySet<string>; blocked: ReadonlySet<string> },
) => toLines(plan(desired, observed, { ...options, rules: rulesOf([...desired.values()]), folder }))

const planAll = (desired: ReadonlyMap<string, DesiredNetwork>, observed: Observed, blocked: string[] = []) =>
  planFor(desired, observed, { keys: new Set(desired.keys()), blocked: new Set(blocked) })

const START = [
  `write ${FOLDER}/conf`,
  `write ${FOLDER}/hosts`,
  `write ${FOLDER}/opts`,
  `nsenter --net=/run/netns/${NAMESPACE} dnsmasq --conf-file=${FOLDER}/conf`,
  `write ${FOLDER}/applied`,
]
const RELOAD = [...START.slice(0, 3), 'reload 42', `write ${FOLDER}/applied`]

describe('plan', () => {
  const one = desiredOf(createGuest(5, { uplink: 'eth1' }))
  const mac = one.get(KEY)?.dhcp?.mac

  test('on an empty host, applies the rules first and starts dnsmasq last', () => {
    const observed = { ...EMPTY_HOST, links: linksByName(createLink('eth1', { up: false })) }
    expect(planAll(one, observed)).toEqual([
      'rules',
      `ip link add name ${BRIDGE} type bridge stp_state 0 forward_delay 0`,
      `ip link set dev ${BRIDGE} addrgenmode none`,
      `ip link set dev ${BRIDGE} mtu 1500`,
      `ip link set dev eth1 master ${BRIDGE}`,
      'ip link set dev eth1 up',
      `ip link set dev ${BRIDGE} up`,
      `ip netns add ${NAMESPACE}`,
      `nsenter --net=/run/netns/${NAMESPACE} nft -f -`,
      `ip link add name ${OUTER} mtu 1500 type veth peer name dhcp0 address ${mac} mtu 1500 netns ${NAMESPACE}`,
      `ip link set dev ${OUTER} addrgenmode none`,
      `ip link set dev ${OUTER} master ${BRIDGE} up`,
      `ip -n ${NAMESPACE} addr add 10.0.0.254/24 dev dhcp0`,
      `ip -n ${NAMESPACE} link set dev dhcp0 up`,
      ...START,
    ])
  })

  test('gives no commands when the host is as desired', () => {
    expect(planAll(one, convergedState(one, createLink('eth1', { master: BRIDGE })))).toEqual([])
  })

  test('never creates, changes or removes a bridge of the host', () => {
    const desired = desiredOf(createGuest(5, { bridge: 'br0', fixedIPs: [] }))
    const br0 = createLink('br0', { kind: 'bridge', up: false, stp: true, mtu: 9000, addresses: ['192.0.2.1/24'] })
    expect(planAll(desired, { ...EMPTY_HOST, links: linksByName(br0) })).toEqual(['rules'])
    expect(planAll(new Map(), { ...convergedState(desired), links: linksByName(br0) }).join()).not.toContain('br0')
  })

  test('leaves a blocked network as it is, sets up the others and applies the rules of all', () => {
    const two = desiredOf(
      createGuest(5),
      createGuest(6, { networkId: 'ffffffff-0000-4000-8000-000000000000', fixedIPs: [] }),
    )
    const commands = planAll(two, EMPTY_HOST, [KEY])
    expect(commands[0]).toBe('rules')
    expect(commands.join()).not.toContain(KEY)
    expect(commands).toContain('ip link set dev knffffffff0000 up')
  })

  test('sets up only the networks that are asked for', () => {
    expect(planFor(one, EMPTY_HOST, { keys: new Set(), blocked: new Set() })).toEqual(['rules'])
  })
})

describe('plan repairs', () => {
  const desired = desiredOf(createGuest(5))
  const converged = convergedState(desired)
  const inner = createLink('dhcp0', {
    kind: 'veth',
    peer: 7,
    mac: desired.get(KEY)?.dhcp?.mac ?? '',
    addresses: ['10.0.0.254/24'],
  })
  const withLinks = (...list: Link[]): Observed => ({ ...converged, links: linksByName(...list) })
  const withInner = (device: Link): Observed => ({ ...converged, namespaces: new Map([[KEY, { device }]]) })
  const setLink = (device: string, ...args: string[]) => `ip link set dev ${device} ${args.join(' ')}`
  const inNamespace = (...args: string[]) => `ip -n ${NAMESPACE} ${args.join(' ')}`
  const PAIR = [
    `nsenter --net=/run/netns/${NAMESPACE} nft -f -`,
    `ip link add name ${OUTER} mtu 1500 type veth peer name dhcp0 address ${inner.mac} mtu 1500 netns ${NAMESPACE}`,
    setLink(OUTER, 'addrgenmode none'),
    setLink(OUTER, `master ${BRIDGE} up`),
    inNamespace('addr add 10.0.0.254/24 dev dhcp0'),
    inNamespace('link set dev dhcp0 up'),
  ]

  const table: [string, Observed, string[]][] = [
    ['rules that another program changed', { ...converged, rules: undefined }, ['rules']],
    [
      'a bridge with an address',
      withLinks({ ...bridge, addresses: ['10.0.0.1/24'] }, outer),
      [`ip address flush dev ${BRIDGE}`],
    ],
    [
      'a bridge with a link-local address',
      withLinks({ ...bridge, linkLocal: true }, outer),
      [`ip address flush dev ${BRIDGE}`, setLink(BRIDGE, 'addrgenmode none')],
    ],
    [
      'a bridge that is down',
      withLinks({ ...bridge, up: false }, outer),
      [setLink(BRIDGE, 'addrgenmode none'), setLink(BRIDGE, 'up')],
    ],
    ['a bridge with another MTU', withLinks({ ...bridge, mtu: 1400 }, outer), [setLink(BRIDGE, 'mtu 1500')]],
    [
      'a bridge with a spanning tree',
      withLinks({ ...bridge, stp: true }, outer),
      [setLink(BRIDGE, 'type bridge stp_state 0 forward_delay 0')],
    ],
    [
      'a foreign port of the bridge',
      withLinks(bridge, outer, createLink('eth9', { master: BRIDGE })),
      [setLink('eth9', 'nomaster')],
    ],
    [
      'nothing when a tap is a port of the bridge',
      withLinks(bridge, outer, createLink('tap00000005-aa', { kind: 'tun', master: BRIDGE })),
      [],
    ],
    [
      'a tap that outlived its QEMU',
      withLinks(bridge, outer, createLink('tap00000005-aa', { kind: 'tun', persistent: true, carrier: false })),
      ['ip link delete dev tap00000005-aa'],
    ],
    [
      'a running guest’s tap that is in no bridge',
      withLinks(bridge, outer, createLink('tap00000005-aa', { kind: 'tun' })),
      [setLink('tap00000005-aa', `master ${BRIDGE}`)],
    ],
    [
      'nothing when libvirt is just creating the tap',
      withLinks(bridge, outer, createLink('tap00000005-aa', { kind: 'tun', up: false })),
      [],
    ],
    [
      'nothing when a tap of another program outlived its process',
      withLinks(bridge, outer, createLink('tap9', { kind: 'tun', persistent: true, carrier: false })),
      [],
    ],
    [
      'a DHCP port that is in no bridge',
      withLinks(bridge, createLink(OUTER, { index: 7 })),
      [setLink(OUTER, `master ${BRIDGE} up`)],
    ],
    ['a DHCP port with another MTU', withLinks(bridge, { ...outer, mtu: 1400 }), [setLink(OUTER, 'mtu 1500')]],
    ['an inner end that is down', withInner({ ...inner, up: false }), [inNamespace('link set dev dhcp0 up')]],
    [
      'an inner end with another address',
      withInner({ ...inner, addresses: ['10.0.0.9/24'] }),
      [
        'stop 42',
        inNamespace('addr delete 10.0.0.9/24 dev dhcp0'),
        inNamespace('addr add 10.0.0.254/24 dev dhcp0'),
        ...START,
      ],
    ],
    [
      'an inner end with another MAC',
      withInner({ ...inner, mac: '02:00:00:00:00:01' }),
      ['stop 42', inNamespace(`link set dev dhcp0 address ${inner.mac}`), ...START],
    ],
    [
      'an inner end of another pair',
      withInner({ ...inner, peer: 8 }),
      ['stop 42', `ip link delete dev ${OUTER}`, inNamespace('link delete dev dhcp0'), ...PAIR, ...START],
    ],
    [
      'a namespace without the inner end',
      { ...converged, links: linksByName(bridge), namespaces: new Map([[KEY, {}]]) },
      ['stop 42', ...PAIR, ...START],
    ],
    [
      'a namespace name without a namespace',
      {
        ...converged,
        links: linksByName(bridge),
        namespaces: new Map([[KEY, 'broken']]),
        dhcp: new Map([[KEY, { pids: [] }]]),
      },
      [`ip netns delete ${NAMESPACE}`, `ip netns add ${NAMESPACE}`, ...PAIR, ...START],
    ],
    ['a dnsmasq that ended', { ...converged, dhcp: new Map([[KEY, { ...converged.dhcp.get(KEY), pids: [] }]]) }, START],
    [
      'a dnsmasq whose configuration is unknown',
      { ...converged, dhcp: new Map([[KEY, { pids: [42] }]]) },
      ['stop 42', ...START],
    ],
    [
      'two dnsmasq processes',
      { ...converged, dhcp: new Map([[KEY, { ...converged.dhcp.get(KEY), pids: [42, 43] }]]) },
      ['stop 42', 'stop 43', ...START],
    ],
  ]
  test.each(table)('%s', (_, observed, commands) => {
    expect(planAll(desired, observed)).toEqual(commands)
  })
})

describe('plan of dnsmasq', () => {
  const two = desiredOf(createGuest(5), createGuest(6))
  const planAfter = (previous: ReadonlyMap<string, DesiredNetwork>, now: HostedGuest[]) => {
    const desired = desiredOf(...now)
    return planAll(desired, { ...convergedState(previous), rules: rulesOf([...desired.values()]) })
  }

  test.each<[string, HostedGuest[], string[]]>([
    ['reloads when a guest is added', [createGuest(5), createGuest(6), createGuest(7)], RELOAD],
    [
      'starts a new process when a guest is gone, because the lease is in the memory of the old one',
      [createGuest(6)],
      ['stop 42', ...START],
    ],
    ['does nothing when nothing has changed', [createGuest(6), createGuest(5)], []],
  ])('%s', (_, now, commands) => {
    expect(planAfter(two, now)).toEqual(commands)
  })

  test('reloads when the resolvers change', () => {
    const later = { ...createGuest(6).interfaces[0]!.fixedIPs[0]!, dnsServers: ['192.0.2.54'] }
    expect(planAfter(two, [createGuest(5), createGuest(6, { fixedIPs: [later] })])).toEqual(RELOAD)
  })
})

describe('plan of a teardown', () => {
  const desired = desiredOf(createGuest(5, { uplink: 'eth1' }))
  const dhcpTeardown = ['stop 42', `ip link delete dev ${OUTER}`, `ip netns delete ${NAMESPACE}`]
  const none = new Map<string, DesiredNetwork>()

  test('removes everything of a network without guests before its rules', () => {
    expect(planAll(none, convergedState(desired, createLink('eth1', { master: BRIDGE })))).toEqual([
      ...dhcpTeardown,
      `remove ${FOLDER}`,
      `ip link delete dev ${BRIDGE}`,
      'rules',
    ])
  })

  test('keeps a bridge with a running guest, and removes abandoned taps from it', () => {
    const live = createLink('tap1', { kind: 'tun', master: BRIDGE })
    const dead = createLink('tap2', { kind: 'tun', master: BRIDGE, persistent: true, carrier: false })
    const commands = planAll(none, convergedState(desired, live, dead))
    expect(commands).toContain('ip link delete dev tap2')
    expect(commands).not.toContain('ip link delete dev tap1')
    expect(commands).not.toContain(`ip link delete dev ${BRIDGE}`)
  })

  test('removes only DHCP when the network has no DHCP any more', () => {
    const without = desiredOf(createGuest(5, { fixedIPs: [] }))
    const observed = { ...convergedState(desired), rules: rulesOf([...without.values()]) }
    expect(planAll(without, observed)).toEqual([...dhcpTeardown, `remove ${FOLDER}`])
  })

  test('removes each part when only that part is left', () => {
    expect(planAll(none, { ...EMPTY_HOST, links: linksByName(bridge) })).toEqual([`ip link delete dev ${BRIDGE}`])
    expect(planAll(none, { ...EMPTY_HOST, links: linksByName(outer) })).toEqual([`ip link delete dev ${OUTER}`])
    expect(planAll(none, { ...EMPTY_HOST, namespaces: new Map([[KEY, 'unread']]) })).toEqual([
      `ip netns delete ${NAMESPACE}`,
    ])
    expect(planAll(none, { ...EMPTY_HOST, dhcp: new Map([[KEY, { pids: [7] }]]) })).toEqual([
      'stop 7',
      `remove ${FOLDER}`,
    ])
    expect(planAll(none, { ...EMPTY_HOST, links: linksByName(createLink(BRIDGE, { kind: 'veth' })) })).toEqual([])
  })
})
