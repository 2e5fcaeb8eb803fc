// Crash-only: each process is killed in the middle of things; the end is the wished one, with one domain, one boot and one record.
import { expect, it } from 'vitest'
import type { ServerAction } from '../../crds/index.ts'
import { end } from '../rig/process.ts'
import { until } from '../rig/until.ts'
import { conditionOf, withCloud } from './user.ts'

const user = withCloud()

/** Kills, and brings back what a cluster or a host's init would bring back. */
const faults: Record<string, () => Promise<void>> = {
  async agent() {
    await user().cloud.kill('agent-h1')
    await user().cloud.startAgent('h1')
  },
  async controller() {
    await user().cloud.kill('controller')
    await user().cloud.startController()
  },
  async libvirtd() {
    await user().cloud.host('h1').killLibvirtd()
    await user().cloud.host('h1').startLibvirtd()
  },
  async 'kube-apiserver'() {
    await user().cloud.plane.kill('kube-apiserver')
    await user().cloud.plane.start()
  },
  async etcd() {
    await user().cloud.plane.kill('etcd')
    await user().cloud.plane.start()
  },
}
const names = Object.keys(faults)

const records = async (server: string, action: string) =>
  (await user().list<ServerAction>('serveractions')).filter((r) => r.spec.server === server && r.spec.action === action)

it.each(names)('a server is created while %s is killed', async (name) => {
  const server = `create-${name}`
  await user().server(server)
  // Not before the work has begun, and without waiting for its end.
  await user().until(server, 'to be begun', ({ status }) => status?.vmState !== undefined)
  await faults[name]?.()
  const ready = await user().ready(server, 120_000)
  await user().booted(ready)
  expect((await user().domains('h1')).filter((d) => d === ready.status?.domain?.name)).toHaveLength(1)
  expect(await records(server, 'create')).toHaveLength(1)
})

it.each(names)('a server is rebooted while %s is killed: once', async (name) => {
  const server = await user().get('server', 'create-agent')
  const boots = () => user().console(server).split('KUBENOVA-GUEST').length - 1
  const before = boots()
  const asked = await user().ask('create-agent', 'reboot', { type: 'HARD' })
  // Begun, or done already: on a slow machine the reboot is over before kubectl has looked.
  await user().until('create-agent', 'to be rebooted', ({ status }) =>
    [status?.action?.uid, status?.completedAction].includes(asked.metadata.uid),
  )
  await faults[name]?.()
  const { status, metadata } = await user().ended(asked)
  expect(status).toMatchObject({
    phase: 'Succeeded',
    events: [{ event: 'compute_reboot_instance', result: 'Success' }],
  })
  await user().until(
    'create-agent',
    'ready',
    (s) => s.status?.completedAction === metadata.uid && conditionOf(s, 'Ready')?.status === 'True',
  )
  await user().booted(server, before + 1)
  expect(boots()).toBe(before + 1)
})

it.each(names)('guests run on while %s is killed and comes back', async (name) => {
  const host = user().cloud.host('h1')
  const ids = async () => (await host.virsh('list', '--id')).trim()
  const before = await ids()
  await faults[name]?.()
  await user().patch('server', 'create-agent', { spec: { displayName: `after ${name}` } })
  await user().ready('create-agent', 90_000)
  expect(await ids()).toBe(before)
})

it.each(names)('a server is deleted while %s is killed: without a trace', async (name) => {
  const server = await user().get('server', `create-${name}`)
  await user().kubectl('delete', 'server', server.metadata.name, '--wait=false')
  await faults[name]?.()
  const gone = async () =>
    !(await user().kubectl('get', 'servers', '-o', 'name')).includes(`/${server.metadata.name}\n`)
  await until(gone, { what: `${server.metadata.name} to be gone`, deadline: 90_000 })
  const host = user().cloud.host('h1')
  expect((await host.virsh('list', '--all', '--name')).split('\n')).not.toContain(server.status?.domain?.name)
  expect(await host.exec(['ls', '/var/lib/kubenova/instances'])).not.toContain(server.metadata.uid)
})

it('a QEMU that is killed comes back', async () => {
  await user().server('victim')
  const server = await user().ready('victim')
  await user().booted(server)
  const host = user().cloud.host('h1')
  const qemu = host.qemu(server.status?.domain?.name ?? '')
  if (!qemu) throw new Error('no QEMU')
  await end(qemu, 'SIGKILL')
  await user().booted(server, 2)
  const ready = await user().ready('victim')
  expect(ready.status?.vmState).toBe('active')
  expect(await records('victim', 'start')).toHaveLength(1)
})

it('a host that loses power brings its servers back', async () => {
  const server = await user().get('server', 'victim')
  await user().cloud.host('h1').powerOff()
  await user().cloud.addHost('h1')
  await user().cloud.startAgent('h1')
  await user().booted(server, 3, 120_000)
  expect((await user().ready('victim')).status?.vmState).toBe('active')
})
