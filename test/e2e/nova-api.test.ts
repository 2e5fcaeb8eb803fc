import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, expect, it } from 'vitest'
import type { Server } from '../../crds/index.ts'
import { ensureGuestImage } from '../rig/guest.ts'
import { type OpenStackClients, openstackClients } from '../rig/openstack-clients.ts'
import { waitUntil } from '../rig/wait-until.ts'
import { withCloud } from './user.ts'

const user = withCloud({ shim: true })
let clients: OpenStackClients
beforeAll(async () => {
  clients = await openstackClients(user().cloud.dir)
})

const bootArguments = ['--image', 'guest', '--flavor', 'tiny', '--network', 'default', '--wait']

const waitForStatus = (name: string, status: string): Promise<unknown> =>
  waitUntil(async () => (await clients.openstackJson('server', 'show', name))['status'] === status, {
    what: `${name} to be ${status}`,
    deadline: 120_000,
    every: 500,
  })

async function serverOf(uuid: unknown): Promise<Server> {
  const server = (await user().list('servers')).find(({ metadata }) => metadata.uid === uuid)
  if (!server) throw new Error(`kubectl shows no Server ${String(uuid)}`)
  return server
}

it('openstackclient creates, stops, starts and deletes a server that kubectl sees', async () => {
  const created = await clients.openstackJson('server', 'create', ...bootArguments, '--key-name', 'demo', 'Web 1')
  expect(created).toMatchObject({ status: 'ACTIVE', name: 'Web 1', 'OS-EXT-STS:vm_state': 'active' })
  const server = await serverOf(created['id'])
  expect(server).toMatchObject({ spec: { displayName: 'Web 1', powerState: 'Running' }, status: { vmState: 'active' } })
  expect(created['addresses']).toEqual({ default: server.status?.addresses?.map(({ address }) => address) })
  await user().waitForBoot(server)

  await clients.openstack('server', 'stop', 'Web 1')
  await waitForStatus('Web 1', 'SHUTOFF')
  expect(await serverOf(created['id'])).toMatchObject({ spec: { powerState: 'Stopped' } })
  expect(await user().runningDomains('h1')).toEqual([])

  await clients.openstack('server', 'start', 'Web 1')
  await waitForStatus('Web 1', 'ACTIVE')
  const events = await clients.openstackJson<{ Action: string }[]>('server', 'event', 'list', 'Web 1')
  expect(events.map(({ Action }) => Action)).toEqual(['start', 'stop', 'create'])

  await clients.openstack('server', 'delete', '--wait', 'Web 1')
  expect(await user().list('servers')).toEqual([])
  expect(await clients.openstackJson('server', 'list')).toEqual([])
  const changes = await clients.openstackJson('server', 'list', '--changes-since', '2020-01-01T00:00:00Z')
  expect(changes).toMatchObject([{ ID: created['id'], Status: 'DELETED' }])
  const past = await clients.openstackJson<{ Action: string }[]>('server', 'event', 'list', String(created['id']))
  expect(past.map(({ Action }) => Action)).toEqual(['delete', 'start', 'stop', 'create'])
})

it('a change with kubectl is visible to openstackclient, and the other way round', async () => {
  await user().withServer('both', {}, async (server) => {
    await user().patch('server', 'both', { spec: { powerState: 'Paused', metadata: { by: 'kubectl' } } })
    await waitForStatus('both', 'PAUSED')
    const shown = await clients.openstackJson('server', 'show', 'both')
    expect(shown).toMatchObject({ id: server.metadata.uid, properties: { by: 'kubectl' } })
    await clients.openstack('server', 'unpause', 'both')
    await user().waitForServer('both', 'active', ({ status }) => status?.vmState === 'active')
    await clients.openstack('server', 'lock', 'both')
    expect((await user().get('server', 'both')).spec.locked).toBe(true)
    await expect(clients.openstack('server', 'stop', 'both')).rejects.toThrow('is locked')
    await clients.openstack('server', 'unlock', 'both')
  })
})

it('openstacksdk boots an uploaded image with user data, which no Server shows', async () => {
  const { path } = await ensureGuestImage(() => undefined)
  const program = `
import json, openstack
cloud = openstack.connect()
image = cloud.create_image('uploaded', filename=${JSON.stringify(path)}, disk_format='qcow2', container_format='bare', wait=True)
server = cloud.create_server('sdk', image='uploaded', flavor='tiny', network='default', userdata='#!/bin/sh\\necho said $((40+2))\\n', wait=True)
print(json.dumps({'id': server.id, 'status': server.status, 'image': image.status, 'size': image.size}))`
  const made = await clients.python<{ id: string; status: string; image: string; size: number }>(program)
  expect(made).toMatchObject({ status: 'ACTIVE', image: 'active', size: readFileSync(path).length })
  const server = await serverOf(made.id)
  expect(await user().waitForBoot(server)).toMatchObject({ userdata: 'ok' })
  expect(user().consoleOf(server)).toContain('said 42')
  expect(await clients.openstack('console', 'log', 'show', 'sdk')).toContain('said 42')
  const diagnostics = await clients.as('kubenova-admin').python(`
import json, openstack
print(json.dumps(openstack.connect().compute.get_server_diagnostics('${made.id}').to_dict()))`)
  expect(diagnostics).toMatchObject({ state: 'running', driver: 'libvirt', num_cpus: 1, num_nics: 1 })
  expect(await user().kubectl('get', 'servers', '-o', 'yaml')).not.toContain('40+2')
  expect(await user().kubectl('get', 'secrets', '-o', 'name')).toContain('secret/sdk-user-data')

  const file = join(user().cloud.dir, 'saved.qcow2')
  await clients.openstack('image', 'save', '--file', file, 'uploaded')
  expect(readFileSync(file).equals(readFileSync(path))).toBe(true)
  const ended = await clients.python<boolean>(`
import json, openstack
print(json.dumps(openstack.connect().delete_server('sdk', wait=True)))`)
  expect(ended).toBe(true)
  await waitUntil(async () => !(await user().kubectl('get', 'secrets', '-o', 'name')).includes('sdk-user-data'), {
    what: 'the Secret to go with its server',
  })
  await clients.openstack('image', 'delete', 'uploaded')
})

it('novaclient and an administrator see the servers and hosts', async () => {
  await user().withServer('listed', {}, async ({ metadata }) => {
    expect(await clients.nova('list')).toContain(metadata.uid)
    const admin = clients.as('kubenova-admin')
    const all = await admin.openstackJson<object[]>('server', 'list', '--all-projects', '--long')
    expect(all).toMatchObject([{ ID: metadata.uid, Status: 'ACTIVE', Host: 'h1' }])
    expect(await admin.openstackJson('hypervisor', 'list')).toMatchObject([
      { 'Hypervisor Hostname': 'h1', State: 'up' },
    ])
    await expect(clients.openstack('hypervisor', 'list')).rejects.toThrow("Policy doesn't allow")
  })
})
