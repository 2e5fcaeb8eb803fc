import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import type { Server, ServerAction } from '../../crds/index.ts'
import { Api } from '../chaos/api.ts'
import { takeSnapshot } from '../chaos/snapshot.ts'
import { findViolations } from '../chaos/violations.ts'
import { waitUntil } from '../rig/wait-until.ts'
import { conditionOf, withCloud } from './user.ts'

// Some tests boot a guest twice. On a busy machine that emulates the CPU, this takes minutes, so the timeout is long.
vi.setConfig({ testTimeout: 400_000 })

const user = withCloud()
const host = () => user().cloud.host('h1')

const bootsOf = (server: Server): number => user().consoleOf(server).split('KUBENOVA-GUEST').length - 1

/** A guest reacts to a shutdown request only after it shows the login prompt. */
const waitForLogin = (server: Server) =>
  waitUntil(() => user().consoleOf(server).trimEnd().endsWith('login:'), {
    what: 'the login prompt',
    deadline: 150_000,
  })

/** libvirt gives the domain a larger ID at each start. */
const domainId = async ({ status }: Server) => (await host().virsh('domid', status?.domain?.name ?? '')).trim()

async function listRecordedActions(name: string): Promise<string[]> {
  const actions = await user().list<ServerAction>('serveractions')
  return actions.filter(({ spec }) => spec.server === name).map(({ spec, status }) => `${spec.action} ${status?.phase}`)
}

async function setPowerState(name: string, powerState: string): Promise<Server> {
  await user().patch('server', name, { spec: { powerState } })
  return user().waitUntilReady(name, 90_000)
}

describe('a Server that is created', () => {
  let server: Server
  beforeAll(async () => {
    await user().createServer('created', {
      keyName: 'demo',
      metadata: { role: 'web' },
      tags: ['a'],
      userData: '#!/bin/sh\necho hello from user data\n',
    })
    server = await user().waitUntilReady('created')
  })
  afterAll(() => user().delete('created'))

  it('is active on its host, and kubectl shows it', async () => {
    expect(server.status).toMatchObject({ vmState: 'active', powerState: 'Running', host: 'h1' })
    expect(server.status?.taskState).toBeUndefined()
    expect(server.status?.conditions?.map(({ type }) => type).toSorted()).toEqual(['Ready', 'Scheduled'])
    const table = await user().kubectl('get', 'servers')
    expect(table).toMatch(/^NAME\s+STATE\s+TASK\s+POWER\s+HOST\s+ADDRESS\s+FLAVOR\s+AGE/)
    expect(table).toMatch(/created\s+active\s+Running\s+h1\s+10\.20\.0\.\d+\s+tiny/)
  })

  it('has an action record and an event of its creation', async () => {
    expect(await listRecordedActions('created')).toContain('create Succeeded')
    const description = await user().kubectl('describe', 'server', 'created')
    expect(description).toMatch(/Normal\s+Create .*create done on h1/)
  })

  it('gives its guest its name, keys, address, user data and disk', async () => {
    const report = await user().waitForBoot(server)
    expect(report).toMatchObject({
      hostname: 'created',
      uuid: server.metadata.uid,
      keys: 1,
      addresses: [`${server.status?.addresses?.[0]?.address}/24`],
      userdata: 'ok',
    })
    // The flavor has 1 GiB of disk.
    expect(report).toMatchObject({ disk: 1024 ** 3, cpus: 1 })
    expect(user().consoleOf(server)).toContain('hello from user data')
  })

  it('answers a ping on its address from its network', async () => {
    const [nic] = server.status?.instance?.interfaces ?? []
    const namespace = `kubenova-${nic?.networkId.replaceAll('-', '').slice(0, 12)}`
    const ping = ['ip', 'netns', 'exec', namespace, 'busybox', 'ping', '-c1', '-W1', nic?.fixedIPs[0]?.address ?? '']
    await waitUntil(() => host().exec(ping), { what: 'an answer to ping', deadline: 90_000 })
  })
})

describe('a Server whose spec.powerState is changed', () => {
  const active = ['active', 'Running'] as const
  const stopped = ['stopped', 'Shutdown'] as const
  it.each([
    ['Running', 'Paused', 'pause', 'paused', 'Paused'],
    ['Paused', 'Running', 'unpause', ...active],
    ['Running', 'Suspended', 'suspend', 'suspended', 'Shutdown'],
    ['Suspended', 'Running', 'resume', ...active],
    ['Running', 'Stopped', 'stop', ...stopped],
    ['Stopped', 'Paused', 'start', 'paused', 'Paused'],
    ['Paused', 'Stopped', 'stop', ...stopped],
    ['Stopped', 'Running', 'start', ...active],
  ])('from %s to %s does %s and ends in vm_state %s', async (from, to, action, vmState, power) => {
    const name = `${from}-to-${to}`.toLowerCase()
    await user().withServer(name, from === 'Stopped' ? { powerState: from } : {}, async (created) => {
      if (to === 'Stopped') await waitForLogin(created)
      if (from === 'Paused' || from === 'Suspended') await setPowerState(name, from)
      const { status } = await setPowerState(name, to)
      expect(status).toMatchObject({ vmState, powerState: power, reachedPowerState: to })
      expect(conditionOf({ status }, 'Ready')?.reason).toBe(to)
      expect(await listRecordedActions(name)).toContain(`${action} Succeeded`)
    })
  })

  it('keeps its address and its disk', async () => {
    await user().withServer('keeps', {}, async (server) => {
      await waitForLogin(server)
      await setPowerState('keeps', 'Stopped')
      await setPowerState('keeps', 'Running')
      const report = await user().waitForBoot(server, 2)
      await setPowerState('keeps', 'Suspended')
      const { status } = await setPowerState('keeps', 'Running')
      expect(report.addresses).toEqual([`${server.status?.addresses?.[0]?.address}/24`])
      expect(status?.addresses).toEqual(server.status?.addresses)
      // The guest keeps its own count of boots on its disk, so a count of 2 shows that the disk is still the same.
      expect(report.boots).toBe(2)
      expect(bootsOf(server)).toBe(2)
    })
  })
})

it.each(['HARD', 'SOFT'])('a reboot of type %s boots the guest once more and leaves an action record', async (type) => {
  const name = `reboot-${type.toLowerCase()}`
  await user().withServer(name, {}, async (server) => {
    await (type === 'SOFT' ? waitForLogin(server) : user().waitForBoot(server))
    const action = await user().runAction(name, 'reboot', { type })
    expect(action.status?.phase).toBe('Succeeded')
    expect(action.status?.events).toMatchObject([{ event: 'compute_reboot_instance', host: 'h1', result: 'Success' }])
    await user().waitUntilReady(name)
    await user().waitForBoot(server, 2)
    expect(bootsOf(server)).toBe(2)
    expect(await listRecordedActions(name)).toContain('reboot Succeeded')
  })
})

it('a rescue boots another disk beside the own one, and unrescue boots the own disk again', async () => {
  const userData = '#!/bin/sh\necho "sectors: $(cat /sys/block/vda/size) $(cat /sys/block/vdb/size 2>/dev/null) end"\n'
  // Sizes in sectors of 512 bytes. The flavor gives the server's own disk 1 GiB. The rescue disk may have any size.
  const [ownDisk, anyDisk] = [String(1024 ** 3 / 512), '\\d+']
  const sectors = (...disks: string[]): RegExp => new RegExp(`sectors: ${disks.join(' ')} +end`)
  await user().withServer('rescued', { userData }, async (server) => {
    await waitForLogin(server)
    expect(user().consoleOf(server)).toMatch(sectors(ownDisk))
    const rescue = await user().runAction('rescued', 'rescue', { image: { name: 'guest' } })
    expect(rescue.status).toMatchObject({ phase: 'Succeeded', events: [{ event: 'compute_rescue_instance' }] })
    expect((await user().get('server', 'rescued')).status).toMatchObject({ mode: 'rescued', vmState: 'rescued' })
    await user().waitForBoot(server, 2)
    expect(user().consoleOf(server)).toMatch(sectors(anyDisk, ownDisk))
    await waitForLogin(server)
    const unrescue = await user().runAction('rescued', 'unrescue')
    expect(unrescue.status?.phase).toBe('Succeeded')
    const { status } = await user().waitUntilReady('rescued')
    expect(status).toMatchObject({ vmState: 'active' })
    expect(status?.mode).toBeUndefined()
    await user().waitForBoot(server, 3)
    expect(user().consoleOf(server).split('sectors:').at(-1)).toMatch(new RegExp(`^ ${ownDisk} +end`))
    const disks = await host().virsh('domblklist', status?.domain?.name ?? '')
    expect(disks).not.toContain('disk.rescue')
  })
})

it('a shutdown by the guest itself is reported, and a start action starts the server again', async () => {
  await user().withServer('shuts-down', {}, async (server) => {
    await waitForLogin(server)
    await host().virsh('shutdown', server.status?.domain?.name ?? '')
    const off = await user().waitForServer('shuts-down', 'stopped', ({ status }) => status?.vmState === 'stopped')
    expect(conditionOf(off, 'Ready')).toMatchObject({ status: 'False', reason: 'GuestShutdown' })
    const action = await user().runAction('shuts-down', 'start')
    expect(action.status?.phase).toBe('Succeeded')
    expect((await user().waitUntilReady('shuts-down')).status?.vmState).toBe('active')
  })
})

it.each([
  ['destroyed', ['destroy']],
  ['undefined and destroyed', ['undefine', 'destroy']],
])('a domain that an administrator has %s comes back', async (what, commands) => {
  const name = what.replaceAll(' ', '-')
  await user().withServer(name, {}, async (server) => {
    const before = Number(await domainId(server))
    for (const command of commands) await host().virsh(command, server.status?.domain?.name ?? '')
    await waitUntil(async () => Number(await domainId(server)) > before, { what: 'the domain to run again' })
    await user().waitUntilReady(name)
  })
})

it('a locked server rejects action requests, and the API server rejects changes of its power state', async () => {
  const spec = { locked: true, lockedReason: 'audit' }
  await user().withServer('locked', spec, async () => {
    const action = await user().runAction('locked', 'reboot', { type: 'HARD' })
    expect(action.status).toMatchObject({ phase: 'Rejected' })
    expect(action.status?.message).toContain('locked')
    await expect(user().patch('server', 'locked', { spec: { powerState: 'Stopped' } })).rejects.toThrow(
      /the server is locked/,
    )
    await user().patch('server', 'locked', { spec: { locked: false, lockedReason: null } })
  })
})

it('a new display name, tags and metadata leave the guest running', async () => {
  await user().withServer('renamed', {}, async (server) => {
    const before = await domainId(server)
    await user().patch('server', 'renamed', {
      spec: { displayName: 'Web one', tags: ['b'], metadata: { role: 'api' } },
    })
    await user().waitUntilReady('renamed')
    expect(await domainId(server)).toBe(before)
  })
})

it('a deleted server leaves nothing behind', async () => {
  const { cloud } = user()
  const violations = () => takeSnapshot(cloud, new Api(cloud.plane.api)).then(findViolations)
  const before = await violations()
  const added = async () => (await violations()).filter((violation) => !before.includes(violation))
  await user().withServer('deleted', {}, async () => user().delete('deleted'))
  await waitUntil(async () => (await added()).length === 0, { what: 'nothing to be left' }).catch(() => undefined)
  expect(await added()).toEqual([])
})
