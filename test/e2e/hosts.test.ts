// Two hosts: where servers go and why not, hosts that are disabled, forced down, or silent, and what their servers say
// then.
import { expect, it } from 'vitest'
import type { Hypervisor, Port, Server } from '../../crds/index.ts'
import { waitUntil } from '../rig/wait-until.ts'
import { conditionOf, withCloud } from './user.ts'

const user = withCloud({ hosts: 2 })

const hypervisor = (name: string, look: (h: Hypervisor) => boolean, deadline = 60_000) =>
  waitUntil(
    async () => {
      const now = await user().get<Hypervisor>('hypervisor', name)
      return look(now) ? now : undefined
    },
    { what: `hypervisor ${name}`, deadline, every: 100 },
  )

const waiting = (name: string) =>
  user().waitForServer(name, 'not placed', (s) => conditionOf(s, 'Scheduled')?.reason === 'NoValidHost')
const why = (server: Server) => conditionOf(server, 'Scheduled')?.message ?? ''

it('shows what the hosts are', async () => {
  const host = await hypervisor(
    'h1',
    ({ status }) => status?.state === 'up' && conditionOf({ status }, 'Ready')?.status === 'True',
  )
  expect(host.status).toMatchObject({ arch: 'x86_64', firmware: ['bios', 'uefi'] })
  expect(host.status?.domainType).toMatch(/^(kvm|qemu)$/)
  expect(host.status?.libvirtVersion).toMatch(/^\d+\.\d+\.\d+$/)
  expect(host.status?.qemuVersion).toMatch(/^\d+\.\d+\.\d+$/)
  expect(host.status?.capacity?.vcpus).toBeGreaterThan(0)
  expect(host.status?.machineTypes).toContain('q35')
  expect(host.status?.diskBuses).toContain('virtio')
  expect(host.status?.vifModels).toContain('virtio')
  const table = await user().kubectl('get', 'hypervisors', '-o', 'wide')
  expect(table).toMatch(/^NAME\s+STATE\s+DISABLED\s+SERVERS\s+VCPUS\s+USEDVCPUS\s+RAM/)
  expect(table).toMatch(/h2\s+up\s+false/)
})

it('spreads servers, and keeps together or apart those that ask for it', async () => {
  await user().createServer('a')
  const a = await user().waitUntilReady('a')
  await user().createServer('apart', { schedulerHints: { differentHost: ['a'] } })
  await user().createServer('together', { schedulerHints: { sameHost: ['a'] } })
  const [apart, together] = [await user().waitUntilReady('apart'), await user().waitUntilReady('together')]
  expect(apart.status?.host).not.toBe(a.status?.host)
  expect(together.status?.host).toBe(a.status?.host)
  const { url } = user().cloud.service('controller')
  const metrics = await (await fetch(`${url}/metrics`)).text()
  expect(metrics).toContain(`kubenova_hypervisor_used{host="${a.status?.host}",resource="servers"} 2`)
  expect(metrics).toContain('kubenova_servers{vm_state="active"} 3')
})

it('gives each its own address', async () => {
  const ports = await user().list<Port>('ports')
  const addresses = ports.flatMap(({ status }) => status?.fixedIPs ?? [])
  expect(addresses).toHaveLength(3)
  expect(new Set(addresses).size).toBe(3)
})

it('says why no host can take a server: for each filter how many, and what would help', async () => {
  await user().apply({ kind: 'Flavor', metadata: { name: 'huge' }, spec: { vcpus: 1, ram: 60_000_000, disk: 1 } })
  await user().createServer('huge', { flavor: 'huge' })
  const server = await waiting('huge')
  expect(server.status).toMatchObject({ vmState: 'error', fault: { code: 500 } })
  expect(why(server)).toMatch(/no host can take it/)
  expect(why(server)).toMatch(/60000000 MiB/)
  expect(conditionOf(server, 'Ready')).toMatchObject({ status: 'False', reason: 'NoValidHost' })
  await user().delete('huge')
})

it('waits for a flavor that is not there yet, and goes on when it is', async () => {
  await user().createServer('early', { flavor: 'late' })
  const server = await user().waitForServer(
    'early',
    'waiting',
    (s) => conditionOf(s, 'Scheduled')?.reason === 'FlavorNotFound',
  )
  expect(server.status?.vmState).toBe('building')
  await user().apply({ kind: 'Flavor', metadata: { name: 'late' }, spec: { vcpus: 1, ram: 96, disk: 1 } })
  await user().waitUntilReady('early')
  await user().delete('early')
})

it('places nothing on a disabled host, and at once when it is enabled again', async () => {
  await user().patch('hypervisor', 'h1', { spec: { disabled: true, disabledReason: 'disk swap' } })
  await user().patch('hypervisor', 'h2', { spec: { disabled: true, disabledReason: 'disk swap' } })
  await user().createServer('b')
  expect(why(await waiting('b'))).toMatch(/disabled.*disk swap/)
  await user().patch('hypervisor', 'h2', { spec: { disabled: false, disabledReason: null } })
  expect((await user().waitUntilReady('b')).status?.host).toBe('h2')
  await user().patch('hypervisor', 'h1', { spec: { disabled: false, disabledReason: null } })
})

it('goes by zones and aggregates', async () => {
  const zone = {
    kind: 'HostAggregate',
    metadata: { name: 'zone-2' },
    spec: { availabilityZone: 'az2', hosts: ['h2'], metadata: { ssd: 'true' } },
  }
  await user().apply(zone)
  await user().createServer('zoned', { availabilityZone: 'az2' })
  const zoned = await user().waitUntilReady('zoned')
  expect(zoned.status).toMatchObject({ host: 'h2', instance: { availabilityZone: 'az2' } })
  await user().createServer('nowhere', { availabilityZone: 'az3' })
  expect(why(await waiting('nowhere'))).toMatch(/az3/)
  await user().delete('nowhere')
})

it('forces a host down: its servers say so and run on, and it is up again when that is taken back', async () => {
  const before = await user().runningDomains('h2')
  await user().patch('hypervisor', 'h2', { spec: { forcedDown: true } })
  await hypervisor('h2', ({ status }) => status?.state === 'down')
  const told = await user().waitForServer(
    'b',
    'unreachable',
    (s) => conditionOf(s, 'HostReachable')?.status === 'False',
  )
  expect(conditionOf(told, 'Ready')).toMatchObject({ status: 'Unknown', reason: 'HostDown' })
  expect(await user().runningDomains('h2')).toEqual(before)
  await user().patch('hypervisor', 'h2', { spec: { forcedDown: false } })
  await hypervisor('h2', ({ status }) => status?.state === 'up')
  const back = await user().waitUntilReady('b')
  expect(conditionOf(back, 'HostReachable')).toBeUndefined()
})

it('notices an agent that is silent, and one that is back; guests run on', async () => {
  const before = await user().runningDomains('h1')
  await user().cloud.kill('agent-h1')
  await hypervisor('h1', ({ status }) => status?.state === 'down')
  await user().waitForServer('a', 'unreachable', (s) => conditionOf(s, 'Ready')?.status === 'Unknown')
  expect(await user().runningDomains('h1')).toEqual(before)
  await user().cloud.startAgent('h1')
  await hypervisor('h1', ({ status }) => status?.state === 'up')
  await user().waitUntilReady('a')
  expect(await user().runningDomains('h1')).toEqual(before)
})

it('shows what is used of each host', async () => {
  for (const name of ['h1', 'h2']) {
    const placed = (await user().list('servers')).filter(({ status }) => status?.host === name).length
    await hypervisor(name, ({ status }) => status?.servers === placed && status.used?.vcpus === placed, 90_000)
  }
})

it('deletes a server whose host is gone for good only when told so, and the host cleans up when it comes back', async () => {
  await user().cloud.kill('agent-h1')
  await hypervisor('h1', ({ status }) => status?.state === 'down')
  await user().kubectl('delete', 'server', 'together', '--wait=false')
  const pending = await user().waitForServer(
    'together',
    'pending',
    (s) => conditionOf(s, 'DeletionPending')?.status === 'True',
  )
  expect(conditionOf(pending, 'DeletionPending')?.message).toContain('force-delete')
  await user().kubectl('annotate', 'server', 'together', 'compute.kubenova.io/force-delete=true')
  await waitUntil(async () => !(await user().kubectl('get', 'servers', '-o', 'name')).includes('/together'), {
    what: 'it to be gone',
  })
  const domain = pending.status?.domain?.name ?? ''
  expect(await user().runningDomains('h1')).toContain(domain)
  await user().cloud.startAgent('h1', '--orphan-grace-seconds', '1', '--sync-seconds', '5')
  await waitUntil(async () => !(await user().runningDomains('h1')).includes(domain), { what: 'the orphan to go' })
  expect((await user().waitUntilReady('a')).status?.vmState).toBe('active')
})
