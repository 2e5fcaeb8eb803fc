/** A server's status when all goes wrong at once, with the longest words: it stays small. */
import { expect, it } from 'vitest'
import { type Interface, type ServerStatus, Terminal, Transient } from '../../crds/index.ts'
import { unreachableStatus } from '../../test/fakes/controller.ts'
import { Life } from '../../test/fakes/life.ts'
import { Bench, HOST, types } from './testing.ts'

const KEY = { namespace: 'demo', name: 'web' }
const SCHEDULER = { fieldManager: 'kubenova-scheduler' }
const NODE_LIFECYCLE = { fieldManager: 'kubenova-node-lifecycle' }
/** Three bytes each, and more of them than anything is given room for. */
const words = '€'.repeat(100_000)

/** As many networks as a server can have, each with an address of both families. */
const interfaces = Array.from({ length: 16 }, (_, i): Interface => {
  const name = `${'n'.repeat(250)}${i}`
  const address = (text: string, prefixLength: number) => ({ address: text, prefixLength, dhcp: true })
  return {
    port: name,
    portId: `p${i}`,
    network: name,
    networkNamespace: 'n'.repeat(63),
    networkId: `n${i}`,
    mtu: 1500,
    macAddress: 'fa:16:3e:00:00:01',
    portSecurity: true,
    fixedIPs: [address('100.100.100.100', 24), address('2001:db8:1111:2222:3333:4444:5555:6666', 64)],
  }
})

/** On its third host: as often as one is looked for. */
async function onItsLast(): Promise<Bench> {
  const bench = new Bench({ max: 1 })
  await bench.create()
  const rejectedHosts = ['a', 'b'].map((host) => ({ host: host.repeat(253), reason: words.slice(0, 1024) }))
  await bench.servers.applyStatus({ metadata: KEY, status: { rejectedHosts } }, SCHEDULER)
  await bench.place(HOST, { interfaces })
  return bench
}

/** Without `instance`: that is a copy of what its user asked for, and no error makes it longer. */
function bytes(all: ServerStatus): number {
  const { instance: _, ...status } = all
  return Buffer.byteLength(JSON.stringify(status))
}

it.each([
  ['for good', new Terminal('UnsupportedHardware', words)],
  ['so that the next host is tried', new Transient('LibvirtError', words)],
  ['in a way that nobody knows', new Error(words, { cause: new Error(words.slice(1)) })],
])('a creation that fails %s on a host that then goes down', async (_, error) => {
  const bench = await onItsLast()
  await bench.rest(bench.agent(new Life().fail('domains.define', error)))
  await bench.servers.applyStatus(
    { metadata: KEY, status: unreachableStatus(bench.server, words.slice(0, 2000), bench.now()) },
    NODE_LIFECYCLE,
  )
  expect(bench.status).toMatchObject({ vmState: 'error', rejectedHosts: [{}, {}], fault: {} })
  expect(bench.status.addresses).toHaveLength(32)
  expect(types(bench)).toEqual(['HostReachable', 'Ready', 'Scheduled', 'Stalled'])
  expect(bytes(bench.status)).toBeGreaterThan(30 * 1024)
  expect(bytes(bench.status)).toBeLessThan(100 * 1024)
})

it('what a reboot that fails leaves, and its record', async () => {
  const bench = await onItsLast()
  await bench.rest()
  await bench.ask('reboot', { type: 'HARD' })
  await bench.rest(bench.agent(new Life().fail('domains.destroy', new Terminal('LibvirtError', words))))
  expect(bench.status).toMatchObject({ vmState: 'error', fault: {} })
  expect(bytes(bench.status)).toBeLessThan(100 * 1024)
  for (const { status } of bench.api.list<{ metadata: object; status: object } & Bench['server']>('serveractions'))
    expect(Buffer.byteLength(JSON.stringify(status))).toBeLessThan(100 * 1024)
})
