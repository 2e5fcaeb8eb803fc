import { copyFileSync, mkdirSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { expect, it } from 'vitest'
import type { Hypervisor, Port, Server } from '../../crds/index.ts'
import { ensureGuestImage } from '../rig/guest.ts'
import { waitUntil } from '../rig/wait-until.ts'
import { conditionOf, withCloud } from './user.ts'

const user = withCloud({ hosts: 2 })

const waitForHypervisor = (name: string, isSo: (h: Hypervisor) => boolean, deadline = 60_000) =>
  waitUntil(
    async () => {
      const now = await user().get<Hypervisor>('hypervisor', name)
      return isSo(now) ? now : undefined
    },
    { what: `hypervisor ${name}`, deadline, every: 100 },
  )

const waitUntilUnschedulable = (name: string) =>
  user().waitForServer(name, 'not placed', (s) => conditionOf(s, 'Scheduled')?.reason === 'NoValidHost')
const scheduledMessage = (server: Server) => conditionOf(server, 'Scheduled')?.message ?? ''

it('a Hypervisor shows its capacity and its capabilities', async () => {
  const host = await waitForHypervisor(
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

it('the scheduler spreads servers, and obeys the hints sameHost and differentHost', async () => {
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

it('each server has an address of its own', async () => {
  const ports = await user().list<Port>('ports')
  const addresses = ports.flatMap(({ status }) => status?.fixedIPs ?? [])
  expect(addresses).toHaveLength(3)
  expect(new Set(addresses).size).toBe(3)
})

it('a server that fits no host shows the reasons of the filters', async () => {
  await user().apply({ kind: 'Flavor', metadata: { name: 'huge' }, spec: { vcpus: 1, ram: 60_000_000, disk: 1 } })
  await user().createServer('huge', { flavor: 'huge' })
  const server = await waitUntilUnschedulable('huge')
  expect(server.status).toMatchObject({ vmState: 'error', fault: { code: 500 } })
  expect(scheduledMessage(server)).toMatch(/no host can take it/)
  expect(scheduledMessage(server)).toMatch(/60000000 MiB/)
  expect(conditionOf(server, 'Ready')).toMatchObject({ status: 'False', reason: 'NoValidHost' })
  await user().delete('huge')
})

it('a server waits for its flavor and is scheduled when the flavor is created', async () => {
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

it('a server whose image is a file of one host runs on that host', async () => {
  const file = '/var/lib/kubenova/images/of-one-host.qcow2'
  await user().apply({ kind: 'Image', metadata: { name: 'local' }, spec: { url: `file://${file}`, format: 'qcow2' } })
  await user().createServer('local', { image: { name: 'local' } })
  const rejected = await waitUntilUnschedulable('local')
  for (const host of ['h1', 'h2'])
    expect(scheduledMessage(rejected)).toContain(`${host} could not build it: fetch-image: ${file} is not on this host`)
  expect(rejected.status?.rejectedHosts?.map(({ host }) => host).sort()).toEqual(['h1', 'h2'])

  const path = join(user().cloud.host('h2').home, file)
  mkdirSync(dirname(path), { recursive: true })
  copyFileSync((await ensureGuestImage()).path, path)
  expect((await user().runAction('local', 'start')).status?.phase).toBe('Succeeded')
  expect((await user().waitUntilReady('local')).status?.host).toBe('h2')
  // Only h2 has the image's file. If the scheduler chooses h1 first, the server must go on to h2.
  await user().createServer('local-2', { image: { name: 'local' } })
  expect((await user().waitUntilReady('local-2')).status?.host).toBe('h2')
  for (const name of ['local', 'local-2']) await user().delete(name)
})

it('a server is not scheduled while all hosts are disabled, and at once when one is enabled', async () => {
  await user().patch('hypervisor', 'h1', { spec: { disabled: true, disabledReason: 'disk swap' } })
  await user().patch('hypervisor', 'h2', { spec: { disabled: true, disabledReason: 'disk swap' } })
  await user().createServer('b')
  expect(scheduledMessage(await waitUntilUnschedulable('b'))).toMatch(/disabled.*disk swap/)
  await user().patch('hypervisor', 'h2', { spec: { disabled: false, disabledReason: null } })
  expect((await user().waitUntilReady('b')).status?.host).toBe('h2')
  await user().patch('hypervisor', 'h1', { spec: { disabled: false, disabledReason: null } })
})

it('the scheduler obeys availability zones', async () => {
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
  expect(scheduledMessage(await waitUntilUnschedulable('nowhere'))).toMatch(/az3/)
  await user().delete('nowhere')
})

it('servers of a host that is forced down keep running and report that the host is down', async () => {
  const before = await user().runningDomains('h2')
  await user().patch('hypervisor', 'h2', { spec: { forcedDown: true } })
  await waitForHypervisor('h2', ({ status }) => status?.state === 'down')
  const unreachable = await user().waitForServer(
    'b',
    'unreachable',
    (s) => conditionOf(s, 'HostReachable')?.status === 'False',
  )
  expect(conditionOf(unreachable, 'Ready')).toMatchObject({ status: 'Unknown', reason: 'HostDown' })
  expect(await user().runningDomains('h2')).toEqual(before)
  await user().patch('hypervisor', 'h2', { spec: { forcedDown: false } })
  await waitForHypervisor('h2', ({ status }) => status?.state === 'up')
  const back = await user().waitUntilReady('b')
  expect(conditionOf(back, 'HostReachable')).toBeUndefined()
})

it('guests keep running while their agent is killed, and the host is up again when the agent is back', async () => {
  const before = await user().runningDomains('h1')
  await user().cloud.kill('agent-h1')
  await waitForHypervisor('h1', ({ status }) => status?.state === 'down')
  await user().waitForServer('a', 'unreachable', (s) => conditionOf(s, 'Ready')?.status === 'Unknown')
  expect(await user().runningDomains('h1')).toEqual(before)
  await user().cloud.startAgent('h1')
  await waitForHypervisor('h1', ({ status }) => status?.state === 'up')
  await user().waitUntilReady('a')
  expect(await user().runningDomains('h1')).toEqual(before)
})

it('a Hypervisor shows its used resources', async () => {
  for (const name of ['h1', 'h2']) {
    const placed = (await user().list('servers')).filter(({ status }) => status?.host === name).length
    await waitForHypervisor(name, ({ status }) => status?.servers === placed && status.used?.vcpus === placed, 90_000)
  }
})

it('a server of a dead host is deleted only by force, and the host removes its domain when it is back', async () => {
  await user().cloud.kill('agent-h1')
  await waitForHypervisor('h1', ({ status }) => status?.state === 'down')
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
