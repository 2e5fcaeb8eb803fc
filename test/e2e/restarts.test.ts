import { readFileSync } from 'node:fs'
import { expect, it } from 'vitest'
import type { Server, ServerAction } from '../../crds/index.ts'
import { victimNames, victimsOf } from '../rig/kills.ts'
import { endProcess } from '../rig/process.ts'
import { waitUntil } from '../rig/wait-until.ts'
import { withCloud } from './user.ts'

const user = withCloud()

const listRecords = async (server: string, action: string) =>
  (await user().list<ServerAction>('serveractions')).filter((r) => r.spec.server === server && r.spec.action === action)

it('a guest whose QEMU is killed boots again', async () => {
  await user().withServer('killed', {}, async (server) => {
    await user().waitForBoot(server)
    const qemu = user()
      .cloud.host('h1')
      .qemuOf(server.status?.domain?.name ?? '')
    if (!qemu) throw new Error('no QEMU')
    await endProcess(qemu, 'SIGKILL')
    await user().waitForBoot(server, 2)
    const ready = await user().waitUntilReady('killed')
    expect(ready.status?.vmState).toBe('active')
    expect(await listRecords('killed', 'start')).toHaveLength(1)
  })
})

it.each(victimNames)('guests keep running while %s is killed and comes back', async (victim) => {
  const name = `beside-${victim}`
  await user().withServer(name, {}, async ({ status }) => {
    const host = user().cloud.host('h1')
    const id = async () => (await host.virsh('domid', status?.domain?.name ?? '')).trim()
    const before = await id()
    const { kill, restore: back } = victimsOf(user().cloud)[victim]
    await kill()
    await back()
    await user().patch('server', name, { spec: { displayName: `after ${victim}` } })
    await user().waitUntilReady(name, 90_000)
    expect(await id()).toBe(before)
  })
})

it.each(['controller', 'agent-h1'] as const)('%s ends in order when it is stopped amid work', async (name) => {
  const names = Array.from({ length: 6 }, (_, i) => `${name}-${i}`)
  const creations = Promise.all(names.map((serverName) => user().createServer(serverName, { powerState: 'Stopped' })))
  const path = '/apis/compute.kubenova.io/v1alpha1/namespaces/default/servers'
  const placedServers = async () => {
    const { items } = await user().cloud.plane.api.send<{ items: Server[] }>('GET', path)
    return items.filter(({ metadata, status }) => names.includes(metadata.name) && status?.host !== undefined)
  }
  await waitUntil(async () => (await placedServers()).length > 0, { what: 'work', every: 5 })
  const { log } = user().cloud.service(name)
  await user().cloud.kill(name, 'SIGTERM')
  const [, logAfterStop = ''] = readFileSync(log, 'utf8').split('"msg":"stopping"')
  // Restart the service before the checks, because the other tests need it even if a check fails.
  await (name === 'controller' ? user().cloud.startController() : user().cloud.startAgent('h1'))
  const lines = logAfterStop.split('\n').filter((line) => line.startsWith('{'))
  expect(lines.at(-1)).toContain('"msg":"stopped"')
  expect(lines.filter((line) => !line.includes('"level":"info"'))).toEqual([])
  await creations
  for (const serverName of names) {
    const { status } = await user().waitForServer(
      serverName,
      'off',
      (server) => server.status?.reachedPowerState === 'Stopped',
    )
    expect(status?.fault).toBeUndefined()
  }
  for (const serverName of names)
    expect(await listRecords(serverName, 'create')).toMatchObject([{ status: { phase: 'Succeeded' } }])
  await user().kubectl('delete', 'servers', ...names)
})

it('a host that loses power brings its servers back', async () => {
  await user().withServer('powerless', {}, async (server) => {
    await user().waitForBoot(server)
    await user().cloud.host('h1').powerOff()
    await user().cloud.addHost('h1')
    await user().cloud.startAgent('h1')
    await user().waitForBoot(server, 2, 120_000)
    expect((await user().waitUntilReady('powerless')).status?.vmState).toBe('active')
  })
})
