import { existsSync, writeFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { holdTap, requestDhcpLease } from '../../test/rig/segment.ts'
import { runCommands } from './act.ts'
import { buildDesiredNetworks } from './desired.ts'
import { observe } from './observe.ts'
import { plan } from './plan.ts'
import { rulesOf } from './rules.ts'
import { RulesInForce } from './rules-in-force.ts'
import { CommandFailed, createProgramRunner, type RunProgram } from './run.ts'
import { createGuest, createNic, ctx, fixedIP, KEY, makeHost, readHostState, type TestHost } from './testing.ts'
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

/**
 * Simulates a crash of the agent. The first n programs that change the host succeed. The next one runs without a
 * result; all later ones fail.
 */
function crashAfter(n: number): { wrap: (run: RunProgram) => RunProgram; hasCrashed: () => boolean } {
  let remaining = n
  let hasCrashed = false
  const crash = (argv: readonly string[]) => new CommandFailed('CommandFailed', 'crash', argv, '', undefined)
  const wrap =
    (run: RunProgram): RunProgram =>
    async (argv, options) => {
      // Do not count programs that only read.
      if (argv.includes('-json') || argv.includes('list')) return run(argv, options)
      if (hasCrashed) throw crash(argv)
      remaining--
      hasCrashed = remaining < 0
      const output = await run(argv, options)
      if (hasCrashed) throw crash(argv)
      return output
    }
  return { wrap, hasCrashed: () => hasCrashed }
}

test('plug, unplug and sync complete the work when the agent crashed after any program', async () => {
  await using host = await makeHostWithUplink()
  const before = await readHostState(host)
  await host.net.plug(createGuest(5, uplink), ctx)
  const plugged = await readHostState(host)
  for (let n = 0; ; n++) {
    const unplugCrash = crashAfter(n)
    const unplugging = await host.restart(unplugCrash.wrap)
    await unplugging.unplug('guest-5', ctx).catch(() => undefined)
    const restarted = await host.restart()
    if (n % 2 === 0) await restarted.unplug('guest-5', ctx)
    else await restarted.sync([], ctx)
    expect(await readHostState(host), `crash after command ${n} of unplug`).toEqual(before)

    const plugCrash = crashAfter(n)
    const plugging = await host.restart(plugCrash.wrap)
    await plugging.plug(createGuest(5, uplink), ctx).catch(() => undefined)
    await (await host.restart()).plug(createGuest(5, uplink), ctx)
    expect(await readHostState(host), `crash after command ${n} of plug`).toEqual(plugged)
    if (!plugCrash.hasCrashed() && !unplugCrash.hasCrashed()) break
    expect(n).toBeLessThan(40)
  }
})

async function runFirstCommands(
  { space, stateDir }: TestHost,
  guests: readonly HostedGuest[],
  n: number,
): Promise<number> {
  const root = `${stateDir}/dhcp`
  const folder = (key: string) => `${root}/${key}`
  const desired = buildDesiredNetworks(guests, folder)
  const runProgram = createProgramRunner(space.enterCommand)
  const inForce = new RulesInForce(runProgram)
  const context = { runProgram, root, rules: inForce, ...ctx }
  const keys = new Set(desired.keys())
  const rules = rulesOf([...desired.values()])
  const observed = { rules: await inForce.observe('thorough', ctx.signal), ...(await observe({ ...context, keys })) }
  const commands = plan(desired, observed, { rules, keys, blocked: new Set(), folder })
  expect(await runCommands(commands.slice(0, n), context)).toEqual(new Map())
  return commands.length
}

test('plug and unplug complete the work when the agent crashed before any command', async () => {
  await using host = await makeHostWithUplink()
  const before = await readHostState(host)
  await host.net.plug(createGuest(5, uplink), ctx)
  const plugged = await readHostState(host)
  await host.net.unplug('guest-5', ctx)
  const commands = await runFirstCommands(host, [createGuest(5, uplink)], 0)
  expect(commands).toBeGreaterThan(15)
  for (let n = 0; n <= commands; n++) {
    await runFirstCommands(host, [createGuest(5, uplink)], n)
    await (await host.restart()).plug(createGuest(5, uplink), ctx)
    expect(await readHostState(host), `plug: crash before command ${n}`).toEqual(plugged)
    await runFirstCommands(host, [], n % 7)
    await (await host.restart()).unplug('guest-5', ctx)
    expect(await readHostState(host), `unplug: crash before command ${n % 7}`).toEqual(before)
  }
})

test('plug gives an added guest its address when the agent crashed while it reloaded dnsmasq', async () => {
  await using host = await makeHost()
  await host.net.plug(createGuest(5), ctx)
  for (let n = 0; n <= 5; n++) {
    const added = createGuest(20 + n)
    await runFirstCommands(host, [createGuest(5), added], n)
    await host.restart()
    const machine = await host.boot(added)
    expect(await requestDhcpLease(machine), `crash before command ${n}`).toMatchObject({ ip: `10.0.0.${20 + n}` })
    await host.space.run('ip', 'link', 'delete', 'dev', `tap000000${20 + n}-aa`)
    await host.net.unplug(added.id, ctx)
  }
})

test('a second plug changes nothing', async () => {
  await using host = await makeHost()
  await host.net.plug(createGuest(5), ctx)
  const programs: string[] = []
  const again = await host.restart((run) => (argv, options) => {
    programs.push(argv.join(' '))
    return run(argv, options)
  })
  await again.plug(createGuest(5), ctx)
  // A restarted agent cannot tell whether the nftables rules in force are its own, so its first plug writes them again.
  const changes = () => programs.splice(0).filter((p) => !p.includes('-json') && !p.includes(' list '))
  expect(changes()).toEqual(['nft -f -'])
  await again.plug(createGuest(5), ctx)
  await again.sync([createGuest(5)], ctx)
  expect(changes()).toEqual([])
})

test('a plug on a network that is set up runs two programs, and repairs the DHCP namespace when it was changed', async () => {
  await using host = await makeHost()
  const programs: string[] = []
  const net = await host.restart((run) => (argv, options) => {
    programs.push(argv.join(' '))
    return run(argv, options)
  })
  await net.plug(createGuest(5), ctx)
  await net.plug(createGuest(6), ctx)
  const whole = await readHostState(host)
  programs.length = 0
  await net.plug(createGuest(7), ctx)
  expect(programs).toEqual(['ip -json -details address show', 'nft -f -'])
  await net.unplug('guest-7', ctx)
  await net.plug(createGuest(6), ctx)
  for (const harm of [
    ['ip', 'netns', 'delete', `kubenova-${KEY}`],
    ['ip', '-n', `kubenova-${KEY}`, 'link', 'set', 'dev', 'dhcp0', 'down'],
  ]) {
    await host.space.run(...harm)
    await net.plug(createGuest(6), ctx)
    expect(await readHostState(host), harm.join(' ')).toEqual(whole)
    await net.plug(createGuest(6), ctx)
  }
})

test('plug restores rules that another program flushed, sync also rules that it changed', async () => {
  await using host = await makeHost()
  await host.net.plug(createGuest(6), ctx)
  await host.net.plug(createGuest(5), ctx)
  const whole = await readHostState(host)
  await host.space.run('nft', 'flush', 'ruleset')
  await host.net.plug(createGuest(5), ctx)
  expect(await readHostState(host)).toEqual(whole)
  await host.space.run('nft', 'flush', 'chain', 'bridge', 'kubenova', 'prerouting')
  await host.net.sync([createGuest(5), createGuest(6)], ctx)
  expect(await readHostState(host)).toEqual(whole)
})

test('plugs thirty guests in one run when all are plugged at once, and removes everything when all are unplugged', async () => {
  await using host = await makeHost()
  const before = await readHostState(host)
  const guests = Array.from({ length: 30 }, (_, i) => createGuest(i + 1))
  let observations = 0
  const net = await host.restart((run) => (argv, options) => {
    if (argv.join(' ') === 'ip -json netns list') observations++
    return run(argv, options)
  })
  await Promise.all(guests.map((g) => net.plug(g, ctx)))
  expect(observations).toBe(1)
  const machine = await host.boot(createGuest(17))
  expect(await requestDhcpLease(machine)).toMatchObject({ ip: '10.0.0.17' })
  await host.space.run('ip', 'link', 'delete', 'dev', 'tap00000017-aa')
  await Promise.all(guests.map((g) => net.unplug(g.id, ctx)))
  expect(await readHostState(host)).toEqual(before)
})

test('plugs guests of two networks at once', async () => {
  await using host = await makeHost()
  const elsewhere = { networkId: 'ffffffff-0000-4000-8000-000000000000' }
  const [a, b] = await Promise.all([host.boot(createGuest(5)), host.boot(createGuest(6, elsewhere))])
  expect(await Promise.all([requestDhcpLease(a), requestDhcpLease(b)])).toMatchObject([
    { ip: '10.0.0.5' },
    { ip: '10.0.0.6' },
  ])
})

test('sync removes everything of guests that are gone, and keeps the others', async () => {
  await using host = await makeHost()
  await host.net.plug(createGuest(6), ctx)
  const one = await readHostState(host)
  const elsewhere = { networkId: 'ffffffff-0000-4000-8000-000000000000' }
  await host.net.plug(createGuest(5), ctx)
  await host.net.plug(createGuest(7, elsewhere), ctx)
  const net = await host.restart()
  expect(await net.sync([createGuest(6)], ctx)).toEqual(new Map())
  expect(await readHostState(host)).toEqual(one)
  await host.space.run('rm', '-r', `${host.stateDir}/guests`)
  const blank = await host.restart()
  expect(await blank.sync([], ctx)).toEqual(new Map())
  expect((await host.net.observe(ctx)).dhcp.size).toBe(0)
  expect(await host.space.run('ip', 'netns', 'list')).toBe('')
})

test('sync neither plugs nor unplugs guests in leaveUntouched', async () => {
  await using host = await makeHost()
  const options = { ...ctx, leaveUntouched: new Set([createGuest(5).id]) }
  await host.net.plug(createGuest(5), ctx)
  const plugged = await readHostState(host)
  await host.net.sync([], options)
  expect(await readHostState(host)).toEqual(plugged)
  await host.net.unplug(createGuest(5).id, ctx)
  await host.net.sync([], options)
  expect((await host.net.observe(ctx)).dhcp.size).toBe(0)
})

test('sync plugs the other guests when one has an invalid or blocked network, and returns the errors by guest', async () => {
  await using host = await makeHost()
  const blocked = { ...createGuest(6, { networkId: 'ffffffff-0000-4000-8000-000000000000', bridge: 'br7' }) }
  const invalid = createGuest(7, { macAddress: 'no mac' })
  const failed = await host.net.sync([blocked, invalid, createGuest(5)], ctx)
  expect([...failed]).toMatchObject([
    ['guest-7', { kind: 'Terminal', code: 'InvalidInterface' }],
    ['guest-6', { kind: 'Transient', code: 'BridgeMissing' }],
  ])
  expect((await host.net.observe(ctx)).links.has(`kn${KEY}`)).toBe(true)
})

test('plug keeps a tap that a process has open, and removes it when the process has ended', async () => {
  await using host = await makeHost()
  const [tap, bridge] = ['tap00000005-aa', `kn${KEY}`]
  const hasTap = async () => (await host.net.observe(ctx)).links.has(tap)
  await host.net.plug(createGuest(5), ctx)
  const whole = await readHostState(host)
  const qemu = await holdTap(host.space, tap)
  await host.space.run('ip', 'link', 'set', tap, 'master', bridge, 'up')
  await host.net.plug(createGuest(5), ctx)
  expect(await hasTap()).toBe(true)
  // The tap is still in use, as if the domain could not be stopped, so the bridge must stay.
  await host.net.unplug('guest-5', ctx)
  expect((await host.net.observe(ctx)).links.get(tap)).toMatchObject({ master: bridge })
  await host.net.plug(createGuest(5), ctx)
  await qemu[Symbol.asyncDispose]()
  expect(await hasTap()).toBe(true)
  await host.net.plug(createGuest(5), ctx)
  expect(await readHostState(host)).toEqual(whole)
})

test('sync repairs any single damage to bridge, namespace and veth pair', async () => {
  await using host = await makeHost()
  await host.net.plug(createGuest(5), ctx)
  const whole = await readHostState(host)
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
    expect(await host.net.sync([createGuest(5)], ctx), harm.join(' ')).toEqual(new Map())
    expect(await readHostState(host), harm.join(' ')).toEqual(whole)
  }
})

test('plug removes dnsmasq when the network has no DHCP any more', async () => {
  await using host = await makeHost()
  await host.net.plug(createGuest(5, { fixedIPs: [fixedIP(5, { dhcp: false })] }), ctx)
  const without = await readHostState(host)
  await host.net.plug(createGuest(5), ctx)
  expect((await host.net.observe(ctx)).dhcp.get(KEY)?.pids).toHaveLength(1)
  await host.net.plug(createGuest(5, { fixedIPs: [fixedIP(5, { dhcp: false })] }), ctx)
  expect(await readHostState(host)).toEqual(without)
})

test('plug, unplug and sync leave tables, bridges and namespaces of other programs alone', async () => {
  await using host = await makeHost()
  await host.space.run('nft', 'add', 'table', 'bridge', 'theirs')
  await host.space.run('ip', 'link', 'add', 'kn-theirs', 'type', 'bridge')
  await host.space.run('ip', 'netns', 'add', 'kubenova-theirs')
  const before = await readHostState(host)
  await host.net.plug(createGuest(5), ctx)
  await host.net.unplug('guest-5', ctx)
  await host.net.sync([], ctx)
  expect(await readHostState(host)).toEqual(before)
})

test('plug rejects when its signal is aborted, and when the network is closed', async () => {
  await using host = await makeHost()
  const stop = new AbortController()
  const plug = host.net.plug(createGuest(5), { signal: stop.signal })
  stop.abort(new Error('enough'))
  await expect(plug).rejects.toThrow('enough')
  await host.net.close()
  await expect(host.net.plug(createGuest(5), ctx)).rejects.toMatchObject({ code: 'AgentStopping' })
})

test('sync restores the guest and dnsmasq when files of the former agent are cut short', async () => {
  await using host = await makeHost()
  await host.net.plug(createGuest(5), ctx)
  writeFileSync(`${host.stateDir}/guests/guest-5.json`, '{"id":"gue')
  writeFileSync(`${host.stateDir}/dhcp/${KEY}/applied`, '')
  const net = await host.restart()
  expect(existsSync(`${host.stateDir}/guests/guest-5.json`)).toBe(false)
  await net.sync([createGuest(5)], ctx)
  const machine = await host.boot(createGuest(5))
  expect(await requestDhcpLease(machine)).toMatchObject({ ip: createNic(5).fixedIPs[0]?.address })
})
