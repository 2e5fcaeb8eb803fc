import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Server } from '../../../crds/index.ts'
import { flavors, hypervisors, servers } from '../../state/stores.ts'
import { TestShim } from '../../testing.ts'

let shim: TestShim
let id: string

const act = (body: unknown, { as = 'admin', version = '2.104' }: { as?: string; version?: string } = {}) =>
  shim.ask<Record<string, { message: string }>>('POST', `/compute/v2.1/servers/${id}/action`, { as, version, body })

async function seedServer(status: object, spec: object = {}): Promise<void> {
  const name = `s${shim.api.list('servers').length}`
  const server = await shim.seed<Server>(servers.kind, {
    metadata: { name, namespace: 'mine' },
    spec: { flavor: 'tiny', image: { name: 'i' }, ...spec },
    status: { host: 'host-1', launchedAt: '2026-01-02T03:04:05Z', ...status },
  })
  id = server.metadata.uid ?? ''
}

beforeEach(async () => {
  shim = await new TestShim().start()
  for (const name of ['host-1', 'host-2'])
    await shim.seed(hypervisors.kind, { metadata: { name }, spec: {}, status: { state: 'up' } })
  for (const name of ['tiny', 'small'])
    await shim.seed(flavors.kind, { metadata: { name }, spec: { vcpus: 1, ram: 64, disk: 1 } })
  await seedServer({ vmState: 'active' })
})
afterEach(() => shim[Symbol.asyncDispose]())

const unsupported = {
  status: 501,
  body: { notImplemented: { message: 'The requested functionality is not supported.' } },
}

describe('an action whose behaviour comes later', () => {
  it.each([
    [{ createImage: { name: 'snap' } }, 'member'],
    [{ createBackup: { name: 'b', backup_type: 'daily', rotation: 1 } }, 'member'],
    [{ resize: { flavorRef: 'small' } }, 'member'],
    [{ migrate: { host: 'host-2' } }, 'admin'],
    [{ migrate: null }, 'manager'],
    [{ 'os-migrateLive': { host: null, block_migration: 'auto' } }, 'manager'],
    [{ shelve: null }, 'member'],
    [{ 'os-resetState': { state: 'error' } }, 'admin'],
  ])('answers 501 to the valid body %j', async (body, as) => {
    expect(await act(body, { as })).toMatchObject(unsupported)
  })

  it.each([
    ['createImage', { name: 'x' }, 'error', 'vm_state error'],
    ['resize', { flavorRef: 'small' }, 'paused', 'vm_state paused'],
    ['confirmResize', null, 'active', 'vm_state active'],
    ['revertResize', null, 'stopped', 'vm_state stopped'],
    ['migrate', null, 'suspended', 'vm_state suspended'],
    ['os-migrateLive', { host: null, block_migration: false }, 'stopped', 'vm_state stopped'],
    ['shelve', null, 'rescued', 'vm_state rescued'],
    ['shelveOffload', null, 'active', 'vm_state active'],
    ['unshelve', null, 'active', 'vm_state active'],
    ['restore', null, 'active', 'vm_state active'],
    ['evacuate', {}, 'paused', 'vm_state paused'],
  ])('answers 409 to %s of a server in a wrong state', async (key, value, vmState, text) => {
    await seedServer({ vmState })
    expect(await act({ [key]: value })).toMatchObject({
      status: 409,
      body: { conflictingRequest: { message: `Cannot '${key}' instance ${id} while it is in ${text}` } },
    })
  })

  it('answers 409 while a task runs and for a locked server, but createImage ignores locks', async () => {
    await seedServer({ vmState: 'active', taskState: 'pausing' })
    expect((await act({ shelve: null })).body['conflictingRequest']?.message).toBe(
      `Cannot 'shelve' instance ${id} while it is in task_state pausing`,
    )
    await seedServer({ vmState: 'active' }, { locked: true })
    expect((await act({ shelve: null }, { as: 'member' })).body['conflictingRequest']?.message).toBe(
      `Instance ${id} is locked`,
    )
    expect((await act({ createImage: { name: 'x' } }, { as: 'member' })).status).toBe(501)
  })

  it.each([
    ['resize', { flavorRef: 'small' }, 'reader', 'servers:resize'],
    ['migrate', null, 'member', 'os-migrate-server:migrate'],
    ['migrate', { host: 'host-2' }, 'manager', 'os-migrate-server:migrate:host'],
    ['os-migrateLive', { host: null, block_migration: false }, 'member', 'os-migrate-server:migrate_live'],
    ['evacuate', {}, 'manager', 'os-evacuate'],
    ['shelveOffload', null, 'manager', 'os-shelve:shelve_offload'],
    ['os-resetState', { state: 'active' }, 'manager', 'os-admin-actions:reset_state'],
  ])('answers 403 to %s %j by a %s', async (key, value, as, rule) => {
    expect(await act({ [key]: value }, { as })).toMatchObject({
      status: 403,
      body: { forbidden: { message: `Policy doesn't allow os_compute_api:${rule} to be performed.` } },
    })
  })
})

it('a 501 is not logged as a failure', async () => {
  const errors: unknown[] = []
  const log = { ...shim.services.log, error: (...args: unknown[]) => void errors.push(args) }
  Object.assign(shim.services, { log })
  expect(await act({ createImage: { name: 'snap' } }, { as: 'member' })).toMatchObject(unsupported)
  expect(errors).toEqual([])
})

describe('evacuate', () => {
  it('answers 400 while the host is up, and for a target that cannot be', async () => {
    const message = async (value: object) => (await act({ evacuate: value })).body['badRequest']?.message
    expect(await message({})).toBe('Compute service of host-1 is still in use.')
    expect(await message({ host: 'host-1' })).toBe("The target host can't be the same one.")
    expect((await act({ evacuate: { host: 'nowhere' } })).body['itemNotFound']?.message).toBe(
      'Compute host nowhere not found.',
    )
    await shim.api.resource(hypervisors.kind).patch({ name: 'host-1' }, { spec: { forcedDown: true } })
    expect(await act({ evacuate: {} })).toMatchObject(unsupported)
  })

  it('has the body of its microversion', async () => {
    expect((await act({ evacuate: {} }, { version: '2.13' })).body['badRequest']?.message).toBe(
      "Invalid input for field/attribute evacuate. Value: {}. 'onSharedStorage' is a required property",
    )
    expect((await act({ evacuate: { force: true } }, { version: '2.67' })).body['badRequest']?.message).toBe(
      "Can't force to a non-provided destination",
    )
    expect((await act({ evacuate: { force: true } }, { version: '2.68' })).body['badRequest']?.message).toBe(
      "Invalid input for field/attribute evacuate. Value: {'force': True}. Additional properties are not allowed ('force' was unexpected)",
    )
  })
})

describe('actions on addresses and groups', () => {
  it('end with 2.43', async () => {
    const body = { removeFloatingIp: { address: '172.24.4.99' } }
    expect((await act(body, { version: '2.43' })).body['itemNotFound']?.message).toBe(
      'Floating IP not found for address 172.24.4.99.',
    )
    expect((await act(body, { version: '2.44' })).body['itemNotFound']?.message).toBe(
      'The resource could not be found.',
    )
  })

  it('know the default security group alone', async () => {
    expect(await act({ addSecurityGroup: { name: 'default' } }, { as: 'member' })).toMatchObject({ status: 202 })
    const project = shim.callerOf('member')?.project?.id
    expect((await act({ removeSecurityGroup: { name: 'bogus' } })).body['itemNotFound']?.message).toBe(
      `Security group bogus is not found for project ${project}`,
    )
  })
})

describe('forceDelete', () => {
  it('deletes the server', async () => {
    expect(await act({ forceDelete: null }, { as: 'member' })).toMatchObject({ status: 202, body: '' })
    expect(shim.api.list('servers')).toEqual([])
  })
})
