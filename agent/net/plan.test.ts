import { describe, expect, test } from 'vitest'
import { desiredNetworks } from './desired.ts'
import { plan } from './plan.ts'
import { NO_RULES, rulesOf } from './rules.ts'
import { guest, KEY, link, links } from './testing.ts'
import type { Command, DesiredNetwork, HostedGuest, Link, Observed } from './types.ts'

const [BRIDGE, OUTER, SPACE, FOLDER] = [`kn${KEY}`, `kd${KEY}`, `kubenova-${KEY}`, `/state/${KEY}`]
const folder = (key: string) => `/state/${key}`
const desiredOf = (...guests: HostedGuest[]) => desiredNetworks(guests, { folder })
const NOTHING: Observed = { links: new Map(), namespaces: new Map(), dhcp: new Map(), rules: NO_RULES }

const bridge = link(BRIDGE, { kind: 'bridge' })
const outer = link(OUTER, { kind: 'veth', index: 7, master: BRIDGE })

/** All that these networks take, as it is when all is well. */
function whole(desired: ReadonlyMap<string, DesiredNetwork>, ...more: Link[]): Observed {
  const { dhcp } = desired.get(KEY) ?? {}
  const inner = link('dhcp0', { kind: 'veth', peer: 7, mac: dhcp?.mac ?? '', addresses: dhcp?.addresses ?? [] })
  return {
    links: links(bridge, outer, ...more),
    namespaces: new Map([[KEY, { device: inner }]]),
    dhcp: new Map(dhcp ? [[KEY, { pids: [42], applied: dhcp.texts }]] : []),
    rules: rulesOf([...desired.values()]),
  }
}

/** One line a command, for reading. */
function said(commands: readonly Command[]): string[] {
  return commands.map((c) => {
    if (c.do === 'exec') return c.argv.join(' ')
    if (c.do === 'write' || c.do === 'remove') return `${c.do} ${c.path}`
    return c.do === 'rules' ? 'rules' : `${c.do} ${c.pid}`
  })
}

const planFor = (
  desired: ReadonlyMap<string, DesiredNetwork>,
  observed: Observed,
  which: { keys: ReadonlySet<string>; refused: ReadonlySet<string> },
) => said(plan(desired, observed, { ...which, rules: rulesOf([...desired.values()]), folder }))

const planned = (desired: ReadonlyMap<string, DesiredNetwork>, observed: Observed, refused: string[] = []) =>
  planFor(desired, observed, { keys: new Set(desired.keys()), refused: new Set(refused) })

const START = [
  `write ${FOLDER}/conf`,
  `write ${FOLDER}/hosts`,
  `write ${FOLDER}/opts`,
  `nsenter --net=/run/netns/${SPACE} dnsmasq --conf-file=${FOLDER}/conf`,
  `write ${FOLDER}/applied`,
]
const RELOAD = [...START.slice(0, 3), 'reload 42', `write ${FOLDER}/applied`]

describe('plan', () => {
  const one = desiredOf(guest(5, { uplink: 'eth1' }))
  const mac = one.get(KEY)?.dhcp?.mac

  test('from nothing: rules first, an address on no bridge, the server last', () => {
    const observed = { ...NOTHING, links: links(link('eth1', { up: false })) }
    expect(planned(one, observed)).toEqual([
      'rules',
      `ip link add name ${BRIDGE} type bridge stp_state 0 forward_delay 0`,
      `ip link set dev ${BRIDGE} addrgenmode none`,
      `ip link set dev ${BRIDGE} mtu 1500`,
      `ip link set dev eth1 master ${BRIDGE}`,
      'ip link set dev eth1 up',
      `ip link set dev ${BRIDGE} up`,
      `ip netns add ${SPACE}`,
      `nsenter --net=/run/netns/${SPACE} tee /proc/sys/net/ipv4/ip_forward`,
      `ip link add name ${OUTER} mtu 1500 type veth peer name dhcp0 address ${mac} mtu 1500 netns ${SPACE}`,
      `ip link set dev ${OUTER} addrgenmode none`,
      `ip link set dev ${OUTER} master ${BRIDGE} up`,
      `ip -n ${SPACE} addr add 10.0.0.254/24 dev dhcp0`,
      `ip -n ${SPACE} link set dev dhcp0 up`,
      ...START,
    ])
  })

  test('where all is well: nothing', () => {
    expect(planned(one, whole(one, link('eth1', { master: BRIDGE })))).toEqual([])
  })

  test('a bridge of the host is never made, changed or removed', () => {
    const desired = desiredOf(guest(5, { bridge: 'br0', fixedIPs: [] }))
    const br0 = link('br0', { kind: 'bridge', up: false, stp: true, mtu: 9000, addresses: ['192.0.2.1/24'] })
    expect(planned(desired, { ...NOTHING, links: links(br0) })).toEqual(['rules'])
    expect(planned(new Map(), { ...whole(desired), links: links(br0) }).join()).not.toContain('br0')
  })

  test('a network that is refused is left as it is, others are set up, all have rules', () => {
    const two = desiredOf(guest(5), guest(6, { networkId: 'ffffffff-0000-4000-8000-000000000000', fixedIPs: [] }))
    const commands = planned(two, NOTHING, [KEY])
    expect(commands[0]).toBe('rules')
    expect(commands.join()).not.toContain(KEY)
    expect(commands).toContain('ip link set dev knffffffff0000 up')
  })

  test('networks that nobody asked about are left alone', () => {
    expect(planFor(one, NOTHING, { keys: new Set(), refused: new Set() })).toEqual(['rules'])
  })
})

describe('plan mends', () => {
  const desired = desiredOf(guest(5))
  const good = whole(desired)
  const inner = link('dhcp0', {
    kind: 'veth',
    peer: 7,
    mac: desired.get(KEY)?.dhcp?.mac ?? '',
    addresses: ['10.0.0.254/24'],
  })
  const withLinks = (...list: Link[]): Observed => ({ ...good, links: links(...list) })
  const withInner = (device: Link): Observed => ({ ...good, namespaces: new Map([[KEY, { device }]]) })
  const on = (device: string, ...args: string[]) => `ip link set dev ${device} ${args.join(' ')}`
  const within = (...args: string[]) => `ip -n ${SPACE} ${args.join(' ')}`
  const PAIR = [
    `nsenter --net=/run/netns/${SPACE} tee /proc/sys/net/ipv4/ip_forward`,
    `ip link add name ${OUTER} mtu 1500 type veth peer name dhcp0 address ${inner.mac} mtu 1500 netns ${SPACE}`,
    on(OUTER, 'addrgenmode none'),
    on(OUTER, `master ${BRIDGE} up`),
    within('addr add 10.0.0.254/24 dev dhcp0'),
    within('link set dev dhcp0 up'),
  ]

  const table: [string, Observed, string[]][] = [
    ['rules that others changed', { ...good, rules: undefined }, ['rules']],
    [
      'a bridge with an address',
      withLinks({ ...bridge, addresses: ['10.0.0.1/24'] }, outer),
      [`ip address flush dev ${BRIDGE}`],
    ],
    [
      'a bridge with a link-local address',
      withLinks({ ...bridge, linkLocal: true }, outer),
      [`ip address flush dev ${BRIDGE}`, on(BRIDGE, 'addrgenmode none')],
    ],
    [
      'a bridge that is down',
      withLinks({ ...bridge, up: false }, outer),
      [on(BRIDGE, 'addrgenmode none'), on(BRIDGE, 'up')],
    ],
    ['a bridge of another size', withLinks({ ...bridge, mtu: 1400 }, outer), [on(BRIDGE, 'mtu 1500')]],
    [
      'a spanning tree',
      withLinks({ ...bridge, stp: true }, outer),
      [on(BRIDGE, 'type bridge stp_state 0 forward_delay 0')],
    ],
    ['a stranger on the bridge', withLinks(bridge, outer, link('eth9', { master: BRIDGE })), [on('eth9', 'nomaster')]],
    ['no stranger: a tap', withLinks(bridge, outer, link('tap00000005-aa', { kind: 'tun', master: BRIDGE })), []],
    [
      'a dead tap of a guest',
      withLinks(bridge, outer, link('tap00000005-aa', { kind: 'tun', persistent: true, carrier: false })),
      ['ip link delete dev tap00000005-aa'],
    ],
    [
      'a guest’s tap that lost its bridge',
      withLinks(bridge, outer, link('tap00000005-aa', { kind: 'tun' })),
      [on('tap00000005-aa', `master ${BRIDGE}`)],
    ],
    [
      'a tap that libvirt is just making',
      withLinks(bridge, outer, link('tap00000005-aa', { kind: 'tun', up: false })),
      [],
    ],
    [
      'no dead tap: one of another',
      withLinks(bridge, outer, link('tap9', { kind: 'tun', persistent: true, carrier: false })),
      [],
    ],
    ['a port that is off the bridge', withLinks(bridge, link(OUTER, { index: 7 })), [on(OUTER, `master ${BRIDGE} up`)]],
    ['a port of another size', withLinks(bridge, { ...outer, mtu: 1400 }), [on(OUTER, 'mtu 1500')]],
    ['an end that is down', withInner({ ...inner, up: false }), [within('link set dev dhcp0 up')]],
    [
      'an end with another address',
      withInner({ ...inner, addresses: ['10.0.0.9/24'] }),
      ['stop 42', within('addr delete 10.0.0.9/24 dev dhcp0'), within('addr add 10.0.0.254/24 dev dhcp0'), ...START],
    ],
    [
      'an end with another MAC',
      withInner({ ...inner, mac: '02:00:00:00:00:01' }),
      ['stop 42', within(`link set dev dhcp0 address ${inner.mac}`), ...START],
    ],
    [
      'an end of another pair',
      withInner({ ...inner, peer: 8 }),
      ['stop 42', `ip link delete dev ${OUTER}`, within('link delete dev dhcp0'), ...PAIR, ...START],
    ],
    [
      'a namespace without its end',
      { ...good, links: links(bridge), namespaces: new Map([[KEY, {}]]) },
      ['stop 42', ...PAIR, ...START],
    ],
    [
      'a name without its namespace',
      { ...good, links: links(bridge), namespaces: new Map([[KEY, 'broken']]), dhcp: new Map([[KEY, { pids: [] }]]) },
      [`ip netns delete ${SPACE}`, `ip netns add ${SPACE}`, ...PAIR, ...START],
    ],
    ['a server that died', { ...good, dhcp: new Map([[KEY, { ...good.dhcp.get(KEY), pids: [] }]]) }, START],
    ['a server of unknown state', { ...good, dhcp: new Map([[KEY, { pids: [42] }]]) }, ['stop 42', ...START]],
    [
      'two servers',
      { ...good, dhcp: new Map([[KEY, { ...good.dhcp.get(KEY), pids: [42, 43] }]]) },
      ['stop 42', 'stop 43', ...START],
    ],
  ]
  test.each(table)('%s', (_, observed, commands) => {
    expect(planned(desired, observed)).toEqual(commands)
  })
})

describe('plan tells the server', () => {
  const two = desiredOf(guest(5), guest(6))
  const told = (now: HostedGuest[], before: ReadonlyMap<string, DesiredNetwork>) => {
    const desired = desiredOf(...now)
    return planned(desired, { ...whole(before), rules: rulesOf([...desired.values()]) })
  }

  test.each<[string, HostedGuest[], string[]]>([
    ['one more guest: to read its files again', [guest(5), guest(6), guest(7)], RELOAD],
    ['one guest less: by a new process, for the lease is in its memory', [guest(6)], ['stop 42', ...START]],
    ['nothing new: nothing', [guest(6), guest(5)], []],
  ])('%s', (_, now, commands) => {
    expect(told(now, two)).toEqual(commands)
  })

  test('another resolver: to read its files again', () => {
    const later = { ...guest(6).interfaces[0]!.fixedIPs[0]!, dnsServers: ['192.0.2.54'] }
    expect(told([guest(5), guest(6, { fixedIPs: [later] })], two)).toEqual(RELOAD)
  })
})

describe('plan takes down', () => {
  const desired = desiredOf(guest(5, { uplink: 'eth1' }))
  const gone = ['stop 42', `ip link delete dev ${OUTER}`, `ip netns delete ${SPACE}`]
  const none = new Map<string, DesiredNetwork>()

  test('all of a network that no guest has, before its rules go', () => {
    expect(planned(none, whole(desired, link('eth1', { master: BRIDGE })))).toEqual([
      ...gone,
      `remove ${FOLDER}`,
      `ip link delete dev ${BRIDGE}`,
      'rules',
    ])
  })

  test('not a bridge on which a guest still runs; dead taps on it go', () => {
    const live = link('tap1', { kind: 'tun', master: BRIDGE })
    const dead = link('tap2', { kind: 'tun', master: BRIDGE, persistent: true, carrier: false })
    const commands = planned(none, whole(desired, live, dead))
    expect(commands).toContain('ip link delete dev tap2')
    expect(commands).not.toContain('ip link delete dev tap1')
    expect(commands).not.toContain(`ip link delete dev ${BRIDGE}`)
  })

  test('DHCP of a network that gave it up, and nothing else', () => {
    const without = desiredOf(guest(5, { fixedIPs: [] }))
    const observed = { ...whole(desired), rules: rulesOf([...without.values()]) }
    expect(planned(without, observed)).toEqual([...gone, `remove ${FOLDER}`])
  })

  test('whatever single thing is left', () => {
    expect(planned(none, { ...NOTHING, links: links(bridge) })).toEqual([`ip link delete dev ${BRIDGE}`])
    expect(planned(none, { ...NOTHING, links: links(outer) })).toEqual([`ip link delete dev ${OUTER}`])
    expect(planned(none, { ...NOTHING, namespaces: new Map([[KEY, 'unread']]) })).toEqual([`ip netns delete ${SPACE}`])
    expect(planned(none, { ...NOTHING, dhcp: new Map([[KEY, { pids: [7] }]]) })).toEqual(['stop 7', `remove ${FOLDER}`])
    expect(planned(none, { ...NOTHING, links: links(link(BRIDGE, { kind: 'veth' })) })).toEqual([])
  })
})
