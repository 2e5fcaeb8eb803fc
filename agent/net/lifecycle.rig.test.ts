import { existsSync, writeFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { dhcp, holdTap } from '../../test/rig/segment.ts'
import { carryOut } from './act.ts'
import { desiredNetworks } from './desired.ts'
import { observe } from './observe.ts'
import { plan } from './plan.ts'
import { rulesOf } from './rules.ts'
import { RulesInForce } from './rules-in-force.ts'
import { CommandFailed, createRun, type Run } from './run.ts'
import { ctx, fixedIP, guest, KEY, makeHost, nic, type TestHost, traces } from './testing.ts'
import type { HostedGuest } from './types.ts'

const v6 = fixedIP(5, {
  address: 'fd00::5',
  prefixLength: 64,
  gateway: 'fd00::1',
  dnsServers: [],
  dhcpAddress: 'fd00::fe',
})
const uplink = { uplink: 'eth1', fixedIPs: [fixedIP(5), v6] }

async function makeHostWithUplink(): Promise<TestHost> {
  const host = await makeHost()
  await host.space.run('ip', 'link', 'add', 'eth1', 'type', 'veth', 'peer', 'name', 'far1')
  await host.space.run('ip', 'link', 'set', 'eth1', 'up')
  return host
}

/** Dies when its nth command is done, and nobody hears of it. */
function dying(n: number): { meddle: (run: Run) => Run; died: () => boolean } {
  let left = n
  let died = false
  const crash = (argv: readonly string[]) => new CommandFailed('CommandFailed', 'crash', argv, '', undefined)
  const meddle =
    (run: Run): Run =>
    async (argv, options) => {
      // Looking changes nothing: only deeds are counted.
      if (argv.includes('-json') || argv.includes('list')) return run(argv, options)
      if (died) throw crash(argv)
      left--
      died = left < 0
      const output = await run(argv, options)
      if (died) throw crash(argv)
      return output
    }
  return { meddle, died: () => died }
}

test('a program that fails, though it did its work, is made good by the next call', async () => {
  await using host = await makeHostWithUplink()
  const before = await traces(host)
  await host.net.plug(guest(5, uplink), ctx)
  const plugged = await traces(host)
  for (let n = 0; ; n++) {
    const inUnplug = dying(n)
    const dead = await host.restart(inUnplug.meddle)
    await dead.unplug('guest-5', ctx).catch(() => undefined)
    const heir = await host.restart()
    if (n % 2 === 0) await heir.unplug('guest-5', ctx)
    else await heir.sync([], ctx)
    expect(await traces(host), `after command ${n} of unplug`).toEqual(before)

    const inPlug = dying(n)
    const deadAgain = await host.restart(inPlug.meddle)
    await deadAgain.plug(guest(5, uplink), ctx).catch(() => undefined)
    await (await host.restart()).plug(guest(5, uplink), ctx)
    expect(await traces(host), `after command ${n} of plug`).toEqual(plugged)
    if (!inPlug.died() && !inUnplug.died()) break
    expect(n).toBeLessThan(40)
  }
})

/** The first n commands of what it takes to have these guests and no others; resolves to how many it takes. */
async function carryOutPart({ space, stateDir }: TestHost, guests: readonly HostedGuest[], n: number): Promise<number> {
  const root = `${stateDir}/dhcp`
  const folder = (key: string) => `${root}/${key}`
  const desired = desiredNetworks(guests, { folder, domain: 'novalocal' })
  const run = createRun(space.prefix)
  const inForce = new RulesInForce(run)
  const actor = { run, root, rules: inForce, ...ctx }
  const keys = new Set(desired.keys())
  const rules = rulesOf([...desired.values()])
  const known = { rules: await inForce.look('all', ctx.signal), ...(await observe({ ...actor, keys })) }
  const commands = plan(desired, known, { rules, keys, refused: new Set(), folder })
  expect(await carryOut(commands.slice(0, n), actor)).toEqual(new Map())
  return commands.length
}

test('a crash before any command, of programs and files alike, is made good by the next call', async () => {
  await using host = await makeHostWithUplink()
  const before = await traces(host)
  await host.net.plug(guest(5, uplink), ctx)
  const plugged = await traces(host)
  await host.net.unplug('guest-5', ctx)
  const commands = await carryOutPart(host, [guest(5, uplink)], 0)
  expect(commands).toBeGreaterThan(15)
  for (let n = 0; n <= commands; n++) {
    await carryOutPart(host, [guest(5, uplink)], n)
    await (await host.restart()).plug(guest(5, uplink), ctx)
    expect(await traces(host), `plug cut off before command ${n}`).toEqual(plugged)
    await carryOutPart(host, [], n % 7)
    await (await host.restart()).unplug('guest-5', ctx)
    expect(await traces(host), `unplug cut off before command ${n % 7}`).toEqual(before)
  }
})

test('a crash while a server is told of one more guest: it knows it in the end', async () => {
  await using host = await makeHost()
  await host.net.plug(guest(5), ctx)
  for (let n = 0; n <= 5; n++) {
    const added = guest(20 + n)
    await carryOutPart(host, [guest(5), added], n)
    await host.restart()
    const machine = await host.boot(added)
    expect(await dhcp(machine), `cut off before command ${n}`).toMatchObject({ ip: `10.0.0.${20 + n}` })
    await host.space.run('ip', 'link', 'delete', 'dev', `tap000000${20 + n}-aa`)
    await host.net.unplug(added.id, ctx)
  }
})

test('a second plug changes nothing', async () => {
  await using host = await makeHost()
  await host.net.plug(guest(5), ctx)
  const deeds: string[] = []
  const again = await host.restart((run) => (argv, options) => {
    deeds.push(argv.join(' '))
    return run(argv, options)
  })
  await again.plug(guest(5), ctx)
  // An agent that has just started cannot know the rules to be its own.
  const changes = () => deeds.splice(0).filter((d) => !d.includes('-json') && !d.includes(' list '))
  expect(changes()).toEqual(['nft -f -'])
  await again.plug(guest(5), ctx)
  await again.sync([guest(5)], ctx)
  expect(changes()).toEqual([])
})

test('a guest more on a network takes two programs; a namespace that went meanwhile is noticed all the same', async () => {
  await using host = await makeHost()
  const deeds: string[] = []
  const net = await host.restart((run) => (argv, options) => {
    deeds.push(argv.join(' '))
    return run(argv, options)
  })
  await net.plug(guest(5), ctx)
  await net.plug(guest(6), ctx)
  const whole = await traces(host)
  deeds.length = 0
  await net.plug(guest(7), ctx)
  expect(deeds).toEqual(['ip -json -details address show', 'nft -f -'])
  await net.unplug('guest-7', ctx)
  await net.plug(guest(6), ctx)
  for (const harm of [
    ['ip', 'netns', 'delete', `kubenova-${KEY}`],
    ['ip', '-n', `kubenova-${KEY}`, 'link', 'set', 'dev', 'dhcp0', 'down'],
  ]) {
    await host.space.run(...harm)
    await net.plug(guest(6), ctx)
    expect(await traces(host), harm.join(' ')).toEqual(whole)
    await net.plug(guest(6), ctx)
  }
})

test('rules that others flushed are put back by the next plug, even of a guest that was plugged before; rules that others changed, by sync', async () => {
  await using host = await makeHost()
  await host.net.plug(guest(6), ctx)
  await host.net.plug(guest(5), ctx)
  const whole = await traces(host)
  await host.space.run('nft', 'flush', 'ruleset')
  await host.net.plug(guest(5), ctx)
  expect(await traces(host)).toEqual(whole)
  await host.space.run('nft', 'flush', 'chain', 'bridge', 'kubenova', 'prerouting')
  await host.net.sync([guest(5), guest(6)], ctx)
  expect(await traces(host)).toEqual(whole)
})

test('many at once: all are plugged, in one run; then all are gone', async () => {
  await using host = await makeHost()
  const before = await traces(host)
  const guests = Array.from({ length: 30 }, (_, i) => guest(i + 1))
  let looks = 0
  const net = await host.restart((run) => (argv, options) => {
    if (argv.join(' ') === 'ip -json netns list') looks++
    return run(argv, options)
  })
  await Promise.all(guests.map((g) => net.plug(g, ctx)))
  expect(looks).toBe(1)
  const machine = await host.boot(guest(17))
  expect(await dhcp(machine)).toMatchObject({ ip: '10.0.0.17' })
  await host.space.run('ip', 'link', 'delete', 'dev', 'tap00000017-aa')
  await Promise.all(guests.map((g) => net.unplug(g.id, ctx)))
  expect(await traces(host)).toEqual(before)
})

test('two plugs at once on two networks', async () => {
  await using host = await makeHost()
  const elsewhere = { networkId: 'ffffffff-0000-4000-8000-000000000000' }
  const [a, b] = await Promise.all([host.boot(guest(5)), host.boot(guest(6, elsewhere))])
  expect(await Promise.all([dhcp(a), dhcp(b)])).toMatchObject([{ ip: '10.0.0.5' }, { ip: '10.0.0.6' }])
})

test('sync removes what guests that are gone have left, and keeps the others', async () => {
  await using host = await makeHost()
  await host.net.plug(guest(6), ctx)
  const one = await traces(host)
  const elsewhere = { networkId: 'ffffffff-0000-4000-8000-000000000000' }
  await host.net.plug(guest(5), ctx)
  await host.net.plug(guest(7, elsewhere), ctx)
  const net = await host.restart()
  expect(await net.sync([guest(6)], ctx)).toEqual(new Map())
  expect(await traces(host)).toEqual(one)
  // The state of the last agent is lost, what it made is not.
  await host.space.run('rm', '-r', `${host.stateDir}/guests`)
  const blank = await host.restart()
  expect(await blank.sync([], ctx)).toEqual(new Map())
  expect((await host.net.observe(ctx)).dhcp.size).toBe(0)
  expect(await host.space.run('ip', 'netns', 'list')).toBe('')
})

test('sync neither plugs nor unplugs those of whom somebody else does that', async () => {
  await using host = await makeHost()
  const how = { ...ctx, asTheyAre: new Set([guest(5).id]) }
  await host.net.plug(guest(5), ctx)
  const plugged = await traces(host)
  await host.net.sync([], how)
  expect(await traces(host)).toEqual(plugged)
  await host.net.unplug(guest(5).id, ctx)
  await host.net.sync([], how)
  expect((await host.net.observe(ctx)).dhcp.size).toBe(0)
})

test('sync goes on past a guest whose network cannot be, and says so', async () => {
  await using host = await makeHost()
  const stuck = { ...guest(6, { networkId: 'ffffffff-0000-4000-8000-000000000000', bridge: 'br7' }) }
  const wrong = guest(7, { macAddress: 'no mac' })
  const failed = await host.net.sync([stuck, wrong, guest(5)], ctx)
  expect([...failed]).toMatchObject([
    ['guest-7', { kind: 'Terminal', code: 'InvalidInterface' }],
    ['guest-6', { kind: 'Transient', code: 'BridgeMissing' }],
  ])
  expect((await host.net.observe(ctx)).links.has(`kn${KEY}`)).toBe(true)
})

test('a tap that a process holds is left alone; once the process is dead it is removed', async () => {
  await using host = await makeHost()
  const [tap, bridge] = ['tap00000005-aa', `kn${KEY}`]
  const there = async () => (await host.net.observe(ctx)).links.has(tap)
  await host.net.plug(guest(5), ctx)
  const whole = await traces(host)
  const qemu = await holdTap(host.space, tap)
  await host.space.run('ip', 'link', 'set', tap, 'master', bridge, 'up')
  await host.net.plug(guest(5), ctx)
  expect(await there()).toBe(true)
  // Its domain should be off by now. As it is not, it keeps its bridge until a later look.
  await host.net.unplug('guest-5', ctx)
  expect((await host.net.observe(ctx)).links.get(tap)).toMatchObject({ master: bridge })
  await host.net.plug(guest(5), ctx)
  await qemu[Symbol.asyncDispose]()
  expect(await there()).toBe(true)
  await host.net.plug(guest(5), ctx)
  expect(await traces(host)).toEqual(whole)
})

test('a namespace whose name stands for nothing, a pair out of place, an address and a link-local address are mended', async () => {
  await using host = await makeHost()
  await host.net.plug(guest(5), ctx)
  const whole = await traces(host)
  const harms = [
    ['ip', 'netns', 'delete', `kubenova-${KEY}`],
    ['ip', 'link', 'delete', 'dev', `kd${KEY}`],
    ['ip', 'link', 'set', 'dev', `kd${KEY}`, 'nomaster'],
    ['ip', 'link', 'set', 'dev', `kd${KEY}`, 'down'],
    ['ip', '-n', `kubenova-${KEY}`, 'address', 'flush', 'dev', 'dhcp0'],
    ['ip', '-n', `kubenova-${KEY}`, 'address', 'add', '10.0.0.9/24', 'dev', 'dhcp0'],
    ['ip', '-n', `kubenova-${KEY}`, 'link', 'set', 'dev', 'dhcp0', 'mtu', '1400'],
    ['ip', '-n', `kubenova-${KEY}`, 'link', 'set', 'dev', 'dhcp0', 'address', '02:00:00:00:00:01'],
    ['ip', 'address', 'add', '10.0.0.1/24', 'dev', `kn${KEY}`],
    ['ip', 'link', 'set', 'dev', `kn${KEY}`, 'addrgenmode', 'eui64'],
    ['ip', 'link', 'set', 'dev', `kn${KEY}`, 'down'],
    ['ip', 'link', 'set', 'dev', `kn${KEY}`, 'mtu', '1400'],
    ['ip', 'link', 'delete', 'dev', `kn${KEY}`],
    ['umount', `/run/netns/kubenova-${KEY}`],
  ]
  for (const harm of harms) {
    await host.space.run(...harm)
    expect(await host.net.sync([guest(5)], ctx), harm.join(' ')).toEqual(new Map())
    expect(await traces(host), harm.join(' ')).toEqual(whole)
  }
})

test('a network that gives up DHCP gives up its server', async () => {
  await using host = await makeHost()
  await host.net.plug(guest(5, { fixedIPs: [fixedIP(5, { dhcp: false })] }), ctx)
  const without = await traces(host)
  await host.net.plug(guest(5), ctx)
  expect((await host.net.observe(ctx)).dhcp.get(KEY)?.pids).toHaveLength(1)
  await host.net.plug(guest(5, { fixedIPs: [fixedIP(5, { dhcp: false })] }), ctx)
  expect(await traces(host)).toEqual(without)
})

test('rules of others, bridges of others and processes of others stay', async () => {
  await using host = await makeHost()
  await host.space.run('nft', 'add', 'table', 'bridge', 'theirs')
  await host.space.run('ip', 'link', 'add', 'kn-theirs', 'type', 'bridge')
  await host.space.run('ip', 'netns', 'add', 'kubenova-theirs')
  const before = await traces(host)
  await host.net.plug(guest(5), ctx)
  await host.net.unplug('guest-5', ctx)
  await host.net.sync([], ctx)
  expect(await traces(host)).toEqual(before)
})

test('whoever waits can stop waiting; a closed one refuses', async () => {
  await using host = await makeHost()
  const stop = new AbortController()
  const plug = host.net.plug(guest(5), { signal: stop.signal })
  stop.abort(new Error('enough'))
  await expect(plug).rejects.toThrow('enough')
  await host.net.close()
  await expect(host.net.plug(guest(5), ctx)).rejects.toMatchObject({ code: 'AgentStopping' })
})

test('a file of the last agent that is cut short does no harm', async () => {
  await using host = await makeHost()
  await host.net.plug(guest(5), ctx)
  writeFileSync(`${host.stateDir}/guests/guest-5.json`, '{"id":"gue')
  writeFileSync(`${host.stateDir}/dhcp/${KEY}/applied`, '')
  const net = await host.restart()
  expect(existsSync(`${host.stateDir}/guests/guest-5.json`)).toBe(false)
  await net.sync([guest(5)], ctx)
  const machine = await host.boot(guest(5))
  expect(await dhcp(machine)).toMatchObject({ ip: nic(5).fixedIPs[0]?.address })
})
