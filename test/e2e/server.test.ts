// The main story: a Server is applied, boots, answers, is told to stop, pause, sleep and go on, is rebooted, and goes without a trace.
import { expect, it } from 'vitest'
import type { Server, ServerAction } from '../../crds/index.ts'
import { Api } from '../chaos/api.ts'
import { takeSnapshot } from '../chaos/snapshot.ts'
import { findViolations } from '../chaos/violations.ts'
import { until } from '../rig/until.ts'
import { conditionOf, withCloud } from './user.ts'

const user = withCloud()

it('boots: keys, address and user data reach the guest, and kubectl shows it', async () => {
  await user().server('web-1', {
    keyName: 'demo',
    metadata: { role: 'web' },
    tags: ['a'],
    userData: '#!/bin/sh\necho hello from user data\n',
  })
  const server = await user().ready('web-1')
  expect(server.status).toMatchObject({ vmState: 'active', powerState: 'Running', host: 'h1' })
  expect(server.status?.taskState).toBeUndefined()
  expect(server.status?.conditions?.map(({ type }) => type).toSorted()).toEqual(['Ready', 'Scheduled'])
  const report = await user().booted(server)
  const address = server.status?.addresses?.[0]?.address
  expect(report).toMatchObject({
    hostname: 'web-1',
    uuid: server.metadata.uid,
    keys: 1,
    addresses: [`${address}/24`],
    userdata: 'ok',
  })
  // The flavor's: 1 GiB of disk.
  expect(report).toMatchObject({ disk: 1024 ** 3, cpus: 1 })
  expect(user().console(server)).toContain('hello from user data')
  const table = await user().kubectl('get', 'servers')
  expect(table).toMatch(/^NAME\s+STATE\s+TASK\s+POWER\s+HOST\s+ADDRESS\s+FLAVOR\s+AGE/)
  expect(table).toMatch(/web-1\s+active\s+Running\s+h1\s+10\.20\.0\.\d+\s+tiny/)
})

it('answers on its address, to the other end of its network', async () => {
  const server = await user().get('server', 'web-1')
  const [nic] = server.status?.instance?.interfaces ?? []
  const namespace = `kubenova-${nic?.networkId.replaceAll('-', '').slice(0, 12)}`
  const ping = ['ip', 'netns', 'exec', namespace, 'busybox', 'ping', '-c1', '-W1', nic?.fixedIPs[0]?.address ?? '']
  const answers = () => user().cloud.host('h1').exec(ping)
  await until(answers, { what: 'an answer to ping' })
})

it.each([
  ['Paused', 'paused', 'Paused'],
  ['Running', 'active', 'Running'],
  ['Suspended', 'suspended', 'Shutdown'],
  ['Running', 'active', 'Running'],
  ['Stopped', 'stopped', 'Shutdown'],
  ['Paused', 'paused', 'Paused'],
  ['Stopped', 'stopped', 'Shutdown'],
  ['Running', 'active', 'Running'],
])('is %s when asked to be: vm_state %s', async (powerState, vmState, power) => {
  await user().patch('server', 'web-1', { spec: { powerState } })
  const server = await user().ready('web-1', 90_000)
  expect(server.status).toMatchObject({ vmState, powerState: power, reachedPowerState: powerState })
  expect(conditionOf(server, 'Ready')?.reason).toBe(powerState)
})

/** How often the guest has booted, as its console tells. */
const boots = (server: Server): number => user().console(server).split('KUBENOVA-GUEST').length - 1
/** A guest that is up can be asked to power off. */
const up = (server: Server) =>
  until(() => user().console(server).trimEnd().endsWith('login:'), { what: 'a guest that is up', deadline: 60_000 })

it('keeps its address and its disk over all of that', async () => {
  const server = await user().get('server', 'web-1')
  await up(server)
  const report = await user().booted(server, boots(server))
  expect(report.addresses).toEqual([`${server.status?.addresses?.[0]?.address}/24`])
  // Counted on its disk.
  expect(report.boots).toBe(boots(server))
  expect(report.boots).toBeGreaterThanOrEqual(2)
})

it.each(['HARD', 'SOFT'])('reboots %s once, and leaves a record with its event', async (type) => {
  const server = await user().get('server', 'web-1')
  await up(server)
  const before = boots(server)
  const done = await user().deed('web-1', 'reboot', { type })
  expect(done.status?.phase).toBe('Succeeded')
  expect(done.status?.events).toMatchObject([{ event: 'compute_reboot_instance', host: 'h1', result: 'Success' }])
  await user().ready('web-1')
  await user().booted(server, before + 1)
  expect(boots(server)).toBe(before + 1)
})

it('records a shutdown by the guest itself, and starts again when asked', async () => {
  const server = await user().get('server', 'web-1')
  await up(server)
  await user()
    .cloud.host('h1')
    .virsh('shutdown', server.status?.domain?.name ?? '')
  const off = await user().until('web-1', 'stopped', ({ status }) => status?.vmState === 'stopped')
  expect(conditionOf(off, 'Ready')).toMatchObject({ status: 'False', reason: 'GuestShutdown' })
  const started = await user().deed('web-1', 'start')
  expect(started.status?.phase).toBe('Succeeded')
  expect((await user().ready('web-1')).status?.vmState).toBe('active')
})

it('brings back a domain that was destroyed or undefined behind its back', async () => {
  const server = await user().get('server', 'web-1')
  const domain = server.status?.domain?.name ?? ''
  const host = user().cloud.host('h1')
  const id = async () => (await host.virsh('domid', domain)).trim()
  const first = await id()
  await host.virsh('destroy', domain)
  await until(async () => Number(await id()) > Number(first), { what: 'the domain to run again' })
  const second = await id()
  await host.virsh('undefine', domain)
  await host.virsh('destroy', domain)
  await until(async () => Number(await id()) > Number(second), { what: 'the domain to be there again' })
  await user().ready('web-1')
})

it('refuses deeds on a locked server, and power changes at the API server', async () => {
  await user().patch('server', 'web-1', { spec: { locked: true, lockedReason: 'audit' } })
  const refused = await user().deed('web-1', 'reboot', { type: 'HARD' })
  expect(refused.status).toMatchObject({ phase: 'Rejected' })
  expect(refused.status?.message).toContain('locked')
  await expect(user().patch('server', 'web-1', { spec: { powerState: 'Stopped' } })).rejects.toThrow(
    /the server is locked/,
  )
  await user().patch('server', 'web-1', { spec: { locked: false, lockedReason: null } })
})

it('takes a new name, tags and metadata without touching the guest', async () => {
  const [before] = await user().domains('h1')
  const id = await user()
    .cloud.host('h1')
    .virsh('domid', before ?? '')
  await user().patch('server', 'web-1', { spec: { displayName: 'Web one', tags: ['b'], metadata: { role: 'api' } } })
  await user().ready('web-1')
  expect(
    await user()
      .cloud.host('h1')
      .virsh('domid', before ?? ''),
  ).toBe(id)
})

it('has one record for each change', async () => {
  const records = await user().list<ServerAction>('serveractions')
  const names = records.map(({ spec, status }) => `${spec.action} ${status?.phase}`)
  for (const action of ['create', 'pause', 'unpause', 'suspend', 'resume', 'stop', 'start', 'reboot'])
    expect(names).toContain(`${action} Succeeded`)
  const described = await user().kubectl('describe', 'server', 'web-1')
  expect(described).toMatch(/Normal\s+Create .*create done on h1/)
})

it('goes without a trace', async () => {
  await user().delete('web-1')
  const { cloud } = user()
  const left = () => takeSnapshot(cloud, new Api(cloud.plane.api)).then(findViolations)
  await until(async () => (await left()).length === 0, { what: 'nothing to be left' }).catch(() => undefined)
  expect(await left()).toEqual([])
})
