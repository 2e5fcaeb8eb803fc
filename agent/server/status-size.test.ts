import { expect, it } from 'vitest'
import { type Interface, type ServerStatus, Terminal, Transient } from '../../crds/index.ts'
import { unreachableStatus } from '../../test/fakes/controller.ts'
import { Life } from '../../test/fakes/life.ts'
import { Bench, conditionTypesOf, HOST, SCHEDULER } from './testing.ts'

const KEY = { namespace: 'demo', name: 'web' }
const NODE_LIFECYCLE = { fieldManager: 'kubenova-node-lifecycle' }
const longText = '€'.repeat(100_000)

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

async function placeOnLastHost(): Promise<Bench> {
  const bench = new Bench({ max: 1 })
  await bench.create()
  const rejectedHosts = ['a', 'b'].map((host) => ({ host: host.repeat(253), reason: longText.slice(0, 1024) }))
  await bench.servers.applyStatus({ metadata: KEY, status: { rejectedHosts } }, SCHEDULER)
  await bench.place(HOST, { interfaces })
  return bench
}

/** Leaves out the field `instance`: it copies what the user requested, so errors do not make it longer. */
function bytesWithoutInstance(all: ServerStatus): number {
  const { instance: _, ...status } = all
  return Buffer.byteLength(JSON.stringify(status))
}

it.each([
  ['with a Terminal error', new Terminal('UnsupportedHardware', longText), 'Stalled'],
  ['with a Transient error', new Transient('LibvirtError', longText), 'Reconciling'],
  ['with an unknown error', new Error(longText, { cause: new Error(longText.slice(1)) }), 'Reconciling'],
])('the status stays below 100 KiB when a creation fails %s and the host then goes down', async (_, error, type) => {
  const bench = await placeOnLastHost()
  await bench.reconcileUntilSettled(bench.startAgent(new Life().fail('domains.define', error)))
  await bench.servers.applyStatus(
    { metadata: KEY, status: unreachableStatus(bench.server, longText.slice(0, 2000), bench.now()) },
    NODE_LIFECYCLE,
  )
  expect(bench.status).toMatchObject({ vmState: 'error', rejectedHosts: [{}, {}], fault: {} })
  expect(bench.status.addresses).toHaveLength(32)
  expect(conditionTypesOf(bench)).toEqual(['HostReachable', 'Ready', 'Scheduled', type].toSorted())
  expect(bytesWithoutInstance(bench.status)).toBeGreaterThan(30 * 1024)
  expect(bytesWithoutInstance(bench.status)).toBeLessThan(100 * 1024)
})

it('status and action record stay below 100 KiB when a reboot fails', async () => {
  const bench = await placeOnLastHost()
  await bench.reconcileUntilSettled()
  await bench.requestAction('reboot', { type: 'HARD' })
  await bench.reconcileUntilSettled(
    bench.startAgent(new Life().fail('domains.destroy', new Terminal('LibvirtError', longText))),
  )
  expect(bench.status).toMatchObject({ vmState: 'error', fault: {} })
  expect(bytesWithoutInstance(bench.status)).toBeLessThan(100 * 1024)
  for (const { status } of bench.api.list<{ metadata: object; status: object } & Bench['server']>('serveractions'))
    expect(Buffer.byteLength(JSON.stringify(status))).toBeLessThan(100 * 1024)
})
