// Hosts that are down or gone for ever, and what is deleted from under its servers: bounded, visible, with a way out.
import { beforeAll, expect, it } from 'vitest'
import type { Hypervisor, Image, Server } from '../../../crds/index.ts'
import { conditionOf, withCloud } from '../../e2e/user.ts'
import { until } from '../../rig/until.ts'
import { readiness, remains, restartAgent, tells } from './faults.ts'

const user = withCloud({ hosts: 2 })
/** Down soon, and leftovers go soon. */
const QUICK = ['--down-after-seconds', '6', '--sync-seconds', '5', '--orphan-grace-seconds', '1']
const SLOW_MS = 120_000

const hypervisor = (name: string) => user().get<Hypervisor>('hypervisor', name)
const isUp = (name: string, up: boolean) =>
  until(async () => ((await hypervisor(name)).status?.state === 'up') === up, {
    what: `${name} to be ${up ? 'up' : 'down'}`,
    deadline: 60_000,
    every: 200,
  })
const exists = async (kind: string, name: string) =>
  (await user().kubectl('get', kind, '-A', '-o', 'name')).split('\n').some((line) => line.endsWith(`/${name}`))
const goes = (kind: string, name: string) =>
  until(async () => !(await exists(kind, name)), { what: `${kind} ${name} to go`, deadline: 60_000, every: 200 })

/** A server on that host and no other. */
async function on(host: string, name: string): Promise<Server> {
  const other = host === 'h1' ? 'h2' : 'h1'
  await user().patch('hypervisor', other, { spec: { disabled: true, disabledReason: 'a test' } })
  await user().server(name)
  const server = await user().ready(name, SLOW_MS)
  await user().patch('hypervisor', other, { spec: { disabled: false, disabledReason: null } })
  expect(server.status?.host).toBe(host)
  return server
}

beforeAll(async () => {
  for (const host of ['h1', 'h2']) await restartAgent(user(), host, ...QUICK)
})

let far: Server

it('a deletion that waits for a host that is down says so, and what to do, where people look', async () => {
  far = await on('h2', 'far')
  await user().cloud.kill('agent-h2')
  await isUp('h2', false)
  await user().kubectl('delete', 'server', 'far', '--wait=false')
  const help =
    /stopped renewing its lease; it is deleted when the host is back; to give the host up, set annotation compute\.kubenova\.io\/force-delete=true/
  const pending = await user().until('far', 'pending', (s) => conditionOf(s, 'DeletionPending')?.status === 'True')
  expect(conditionOf(pending, 'DeletionPending')).toMatchObject({
    reason: 'HostDown',
    message: expect.stringMatching(help),
  })
  await tells(user(), 'far', 'Warning DeletionPending')
  const described = await user().kubectl('describe', 'server', 'far')
  expect(described).toMatch(help)
  expect(described).toMatch(/Warning\s+DeletionPending/)
  expect(await user().domains('h2')).toContain(far.status?.domain?.name)
})

it('when the Hypervisor is deleted, the servers that were to be deleted go, and that is told', async () => {
  await user().kubectl('delete', 'hypervisor', 'h2')
  await goes('servers', 'far')
  await tells(user(), 'far', 'Warning DeletedWithoutHost')
})

it('the host comes back after all: it is registered anew, and what is left there goes', async () => {
  expect(await remains(user().cloud.host('h2'), far)).not.toEqual([])
  await user().cloud.startAgent('h2', ...QUICK)
  await isUp('h2', true)
  await until(async () => (await remains(user().cloud.host('h2'), far)).length === 0, {
    what: 'nothing to be left of it',
    deadline: 60_000,
    every: 500,
  })
})

it('a Hypervisor that is deleted while its agent lives is made anew; its servers run on', async () => {
  const near = await on('h1', 'near')
  const before = await user()
    .cloud.host('h1')
    .virsh('domid', near.status?.domain?.name ?? '')
  const { uid } = (await hypervisor('h1')).metadata
  await user().kubectl('delete', 'hypervisor', 'h1')
  await until(async () => (await hypervisor('h1')).metadata.uid !== uid, { what: 'another Hypervisor', every: 200 })
  await isUp('h1', true)
  await until(async () => conditionOf(await hypervisor('h1'), 'Ready')?.status === 'True', { what: 'it to be Ready' })
  const now = await readiness(user(), 'near', 'True', 'Running')
  expect(conditionOf(now, 'HostReachable')).toBeUndefined()
  expect(
    await user()
      .cloud.host('h1')
      .virsh('domid', near.status?.domain?.name ?? ''),
  ).toBe(before)
  // Its lease goes with the Hypervisor that is gone, and comes back for the one that is there: the host stays up.
  await user().patch('server', 'near', { spec: { powerState: 'Paused' } })
  await readiness(user(), 'near', 'True', 'Paused')
})

/** A namespace with a server of its own on that host, made of what the default namespace has. */
async function team(name: string, host: string): Promise<Server> {
  await user().kubectl('create', 'namespace', name)
  const {
    spec: { url, format },
  } = await user().get<Image>('image', 'guest')
  await user().apply({ kind: 'Image', metadata: { name: 'guest', namespace: name }, spec: { url, format } })
  await user().apply({
    kind: 'Network',
    metadata: { name: 'lan', namespace: name },
    spec: { subnets: [{ cidr: '10.77.0.0/24' }] },
  })
  await user().patch('hypervisor', host === 'h1' ? 'h2' : 'h1', { spec: { disabled: true, disabledReason: 'a test' } })
  const spec = { flavor: 'tiny', image: { name: 'guest' }, networks: [{ name: 'lan' }] }
  await user().apply({ kind: 'Server', metadata: { name: `${name}-1`, namespace: name }, spec })
  const server = await until(
    async () => {
      const json = await user().kubectl('get', 'server', `${name}-1`, '-n', name, '-o', 'json')
      const seen = JSON.parse(json) as Server
      return conditionOf(seen, 'Ready')?.status === 'True' ? seen : undefined
    },
    { what: `the server of ${name}`, deadline: SLOW_MS, every: 200 },
  )
  await user().patch('hypervisor', host === 'h1' ? 'h2' : 'h1', { spec: { disabled: false, disabledReason: null } })
  return server
}

it('a namespace that is deleted takes its servers with it, and nothing of them stays', async () => {
  const server = await team('red', 'h1')
  await user().kubectl('delete', 'namespace', 'red', '--timeout=120s')
  expect(await exists('servers', 'red-1')).toBe(false)
  expect(await remains(user().cloud.host('h1'), server)).toEqual([])
})

it('one whose server is on a host that is down waits, says for what, and goes when the host is given up', async () => {
  await team('blue', 'h2')
  await user().cloud.kill('agent-h2')
  await isUp('h2', false)
  await user().kubectl('delete', 'namespace', 'blue', '--wait=false')
  const says = async () =>
    (await user().kubectl('get', 'namespace', 'blue', '-o', 'json')).includes('compute.kubenova.io/host')
  await until(says, { what: 'the namespace to say what it waits for', deadline: 60_000, every: 500 })
  const server = JSON.parse(await user().kubectl('get', 'server', 'blue-1', '-n', 'blue', '-o', 'json')) as Server
  expect(conditionOf(server, 'DeletionPending')?.message).toContain('force-delete=true')
  await user().kubectl('annotate', 'server', 'blue-1', '-n', 'blue', 'compute.kubenova.io/force-delete=true')
  await goes('namespaces', 'blue')
})
