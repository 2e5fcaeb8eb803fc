import { expect, it } from 'vitest'
import { createMetrics } from '../kube/metrics.ts'
import { exposeControllerMetrics } from './metrics.ts'
import { startCloud } from './testing.ts'

it('exposeControllerMetrics shows servers, hosts and addresses as they are at the scrape, and none that are gone', async () => {
  await using bench = await startCloud('h1', 'h2')
  const { stores, clock } = bench
  const metrics = createMetrics()
  const stop = exposeControllerMetrics(metrics, { ...bench.services, stores, clock })
  const value = (name: string, labels: Record<string, string>) => metrics.value(`kubenova_${name}`, labels)
  await bench.createServer('web', { networks: [{ name: 'lan' }] })
  await bench.reconcile()
  const { host = '' } = bench.statusOf()
  expect(await value('servers', { vm_state: 'building' })).toBe(1)
  expect(await value('servers', { vm_state: 'active' })).toBe(0)
  expect(await value('hypervisor_used', { host, resource: 'vcpus' })).toBe(1)
  expect(await value('hypervisor_used', { host, resource: 'servers' })).toBe(1)
  expect(await value('hypervisor_capacity', { host, resource: 'vcpus' })).toBe(16)
  expect(await value('network_addresses', { network: 'lan', state: 'used' })).toBe(1)
  expect(await value('network_addresses', { network: 'lan', state: 'total' })).toBe(4)
  expect(await value('servers_overdue', { state: 'building' })).toBe(0)
  await bench.clock.advance(1801_000)
  expect(await value('servers_overdue', { state: 'building' })).toBe(1)
  await bench.stores.networks.api.delete({ name: 'lan', namespace: 'demo' })
  await bench.fake.waitForCaches()
  expect(await value('network_addresses', { network: 'lan' })).toBe(0)
  expect((await metrics.text()).body).not.toContain('network="lan"')
  stop()
})
