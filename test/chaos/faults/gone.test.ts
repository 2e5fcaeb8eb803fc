// Hosts that are down or gone for ever, and deleted objects that servers need: the status reports the problem, and the
// user has a way out.
import { beforeAll, expect, it } from 'vitest'
import type { Hypervisor, Image, Server } from '../../../crds/index.ts'
import { conditionOf, withCloud } from '../../e2e/user.ts'
import { waitUntil } from '../../rig/wait-until.ts'
import { findOrphansOf, restartAgent, waitForEvent, waitForReadiness } from './faults.ts'

const user = withCloud({ hosts: 2 })
/** With these flags, a host is marked down and orphans are removed within seconds. */
const QUICK = ['--down-after-seconds', '6', '--sync-seconds', '5', '--orphan-grace-seconds', '1']
const SLOW_MS = 120_000

const getHypervisor = (name: string) => user().get<Hypervisor>('hypervisor', name)
const waitForHostState = (name: string, isUp: boolean) =>
  waitUntil(async () => ((await getHypervisor(name)).status?.state === 'up') === isUp, {
    what: `${name} to be ${isUp ? 'up' : 'down'}`,
    deadline: 60_000,
    every: 200,
  })
const exists = async (kind: string, name: string) =>
  (await user().kubectl('get', kind, '-A', '-o', 'name')).split('\n').some((line) => line.endsWith(`/${name}`))
const waitUntilGone = (kind: string, name: string) =>
  waitUntil(async () => !(await exists(kind, name)), { what: `${kind} ${name} to go`, deadline: 60_000, every: 200 })

/** The other host is disabled meanwhile, so that the scheduler cannot choose it. */
async function createServerOn(host: string, name: string): Promise<Server> {
  const other = host === 'h1' ? 'h2' : 'h1'
  await user().patch('hypervisor', other, { spec: { disabled: true, disabledReason: 'a test' } })
  await user().createServer(name)
  const server = await user().waitUntilReady(name, SLOW_MS)
  await user().patch('hypervisor', other, { spec: { disabled: false, disabledReason: null } })
  expect(server.status?.host).toBe(host)
  return server
}

beforeAll(async () => {
  for (const host of ['h1', 'h2']) await restartAgent(user(), host, ...QUICK)
})

let far: Server

it('a delete that waits for a host that is down is reported, with the way out, in condition, event and kubectl describe', async () => {
  far = await createServerOn('h2', 'far')
  await user().cloud.kill('agent-h2')
  await waitForHostState('h2', false)
  await user().kubectl('delete', 'server', 'far', '--wait=false')
  const message =
    /stopped renewing its lease; it is deleted when the host is back; to give the host up, set annotation compute\.kubenova\.io\/force-delete=true/
  const pending = await user().waitForServer(
    'far',
    'pending',
    (s) => conditionOf(s, 'DeletionPending')?.status === 'True',
  )
  expect(conditionOf(pending, 'DeletionPending')).toMatchObject({
    reason: 'HostDown',
    message: expect.stringMatching(message),
  })
  await waitForEvent(user(), 'far', 'Warning DeletionPending')
  const described = await user().kubectl('describe', 'server', 'far')
  expect(described).toMatch(message)
  expect(described).toMatch(/Warning\s+DeletionPending/)
  expect(await user().runningDomains('h2')).toContain(far.status?.domain?.name)
})

it('a pending delete completes, with an event, when the Hypervisor is deleted', async () => {
  await user().kubectl('delete', 'hypervisor', 'h2')
  await waitUntilGone('servers', 'far')
  await waitForEvent(user(), 'far', 'Warning DeletedWithoutHost')
})

it('a host that comes back is registered again, and its orphans are removed', async () => {
  expect(await findOrphansOf(user().cloud.host('h2'), far)).not.toEqual([])
  await user().cloud.startAgent('h2', ...QUICK)
  await waitForHostState('h2', true)
  await waitUntil(async () => (await findOrphansOf(user().cloud.host('h2'), far)).length === 0, {
    what: 'nothing to be left of it',
    deadline: 60_000,
    every: 500,
  })
})

it('the agent creates its Hypervisor again when it is deleted, and its guests run on', async () => {
  const near = await createServerOn('h1', 'near')
  const before = await user()
    .cloud.host('h1')
    .virsh('domid', near.status?.domain?.name ?? '')
  const { uid } = (await getHypervisor('h1')).metadata
  await user().kubectl('delete', 'hypervisor', 'h1')
  await waitUntil(async () => (await getHypervisor('h1')).metadata.uid !== uid, {
    what: 'another Hypervisor',
    every: 200,
  })
  await waitForHostState('h1', true)
  await waitUntil(async () => conditionOf(await getHypervisor('h1'), 'Ready')?.status === 'True', {
    what: 'it to be Ready',
  })
  const now = await waitForReadiness(user(), 'near', 'True', 'Running')
  expect(conditionOf(now, 'HostReachable')).toBeUndefined()
  expect(
    await user()
      .cloud.host('h1')
      .virsh('domid', near.status?.domain?.name ?? ''),
  ).toBe(before)
  // The deletion of the old Hypervisor also deleted the host's lease. Without a new lease the host would be marked
  // down, and `near` would not become Ready again.
  await user().patch('server', 'near', { spec: { powerState: 'Paused' } })
  await waitForReadiness(user(), 'near', 'True', 'Paused')
})

async function createNamespaceWithServer(name: string, host: string): Promise<Server> {
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
  const server = await waitUntil(
    async () => {
      const json = await user().kubectl('get', 'server', `${name}-1`, '-n', name, '-o', 'json')
      const current = JSON.parse(json) as Server
      return conditionOf(current, 'Ready')?.status === 'True' ? current : undefined
    },
    { what: `the server of ${name}`, deadline: SLOW_MS, every: 200 },
  )
  await user().patch('hypervisor', host === 'h1' ? 'h2' : 'h1', { spec: { disabled: false, disabledReason: null } })
  return server
}

it('deleting a namespace deletes its servers and everything of them on the host', async () => {
  const server = await createNamespaceWithServer('red', 'h1')
  await user().kubectl('delete', 'namespace', 'red', '--timeout=120s')
  expect(await exists('servers', 'red-1')).toBe(false)
  expect(await findOrphansOf(user().cloud.host('h1'), server)).toEqual([])
})

it('deleting a namespace waits for a host that is down, reports that, and completes with force-delete', async () => {
  await createNamespaceWithServer('blue', 'h2')
  await user().cloud.kill('agent-h2')
  await waitForHostState('h2', false)
  await user().kubectl('delete', 'namespace', 'blue', '--wait=false')
  const reportsFinalizer = async () =>
    (await user().kubectl('get', 'namespace', 'blue', '-o', 'json')).includes('compute.kubenova.io/host')
  await waitUntil(reportsFinalizer, { what: 'the namespace to report the finalizer', deadline: 60_000, every: 500 })
  const server = JSON.parse(await user().kubectl('get', 'server', 'blue-1', '-n', 'blue', '-o', 'json')) as Server
  expect(conditionOf(server, 'DeletionPending')?.message).toContain('force-delete=true')
  await user().kubectl('annotate', 'server', 'blue-1', '-n', 'blue', 'compute.kubenova.io/force-delete=true')
  await waitUntilGone('namespaces', 'blue')
})
