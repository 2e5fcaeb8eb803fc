// Two controllers of one cloud, and two agents of one host: one works, the other waits. A process that was frozen while
// the other took over must write nothing when it continues.
import { join } from 'node:path'
import { beforeAll, expect, it } from 'vitest'
import type { Lease } from '../../../kube/builtin-kinds.ts'
import { conditionOf, withCloud } from '../../e2e/user.ts'
import type { AuditEvent } from '../../rig/control-plane.ts'
import { freePorts } from '../../rig/ports.ts'
import { endProcess, isAlive, type ProcessId, signalProcess, spawnMarked } from '../../rig/process.ts'
import { waitUntil } from '../../rig/wait-until.ts'
import { countSucceeded } from './faults.ts'

const user = withCloud({ hosts: 2, audit: true })
const repository = join(import.meta.dirname, '../../..')
const LEASE_SECONDS = 5
const OTHER = 'another-controller'

/** Authenticates as the admin, so that the audit log tells the two controllers apart. */
interface SecondController extends ProcessId {
  url: string
}
let second: SecondController

async function startSecondController(): Promise<SecondController> {
  const { cloud } = user()
  const dir = join(cloud.host('h1').home, '../..')
  const [port] = await freePorts('127.0.0.1', 1)
  const address = `127.0.0.1:${port}`
  const flags = ['--kubeconfig', cloud.kubeconfig, '--metrics-address', address, '--lease-seconds', `${LEASE_SECONDS}`]
  const argv = [process.execPath, join(repository, 'controller/main.ts'), ...flags]
  const started = await spawnMarked(argv, { dir, log: join(dir, `${OTHER}.log`), owned: true })
  const url = `http://${address}`
  await waitUntil(async () => (await fetch(`${url}/readyz`)).ok, { what: `${OTHER} to be ready`, deadline: 60_000 })
  return { ...started, url }
}

async function startFirstController(): Promise<void> {
  await user().cloud.startController('--lease-seconds', String(LEASE_SECONDS))
  await user().cloud.waitUntilReady('controller')
}

async function getLease(name: string): Promise<Lease> {
  const path = `/apis/coordination.k8s.io/v1/namespaces/kubenova-system/leases/${name}`
  return JSON.parse(await user().cloud.plane.api.text(path)) as Lease
}
const getControllerLease = () => getLease('kubenova-controller')
const countLeaseTransitions = async () => (await getControllerLease()).spec?.leaseTransitions ?? 0

async function isLeading(url: string): Promise<boolean> {
  const text = await (await fetch(`${url}/metrics`)).text()
  return /^leader_election_master_status\{.*\} 1$/m.test(text)
}

const first = () => user().cloud.service('controller')

beforeAll(async () => {
  await user().cloud.kill('controller')
  await startFirstController()
  await waitUntil(() => isLeading(first().url), { what: 'the first to lead', deadline: 60_000 })
  second = await startSecondController()
})

it('one of two controllers leads, and the other waits', async () => {
  expect([await isLeading(first().url), await isLeading(second.url)]).toEqual([true, false])
  await user().createServer('before')
  await user().waitUntilReady('before', 120_000)
})

interface TimedAuditEvent extends AuditEvent {
  requestReceivedTimestamp: string
}

/**
 * Returns the writes of the first controller since `since`. Leaves out lease renewals. Also leaves out writes that
 * failed with 409: they were on their way when the process was frozen, and the API server rejected their old
 * resourceVersion.
 */
function writesOfFirst(since: string): string[] {
  const reads = ['get', 'list', 'watch']
  return (user().cloud.plane.audit() as TimedAuditEvent[])
    .filter(({ userAgent, user: who }) => userAgent?.startsWith('kubenova-controller') && who.username !== 'admin')
    .filter(({ verb, requestReceivedTimestamp: at }) => !reads.includes(verb) && at > since)
    .filter(({ objectRef, responseStatus }) => objectRef?.resource !== 'leases' && responseStatus?.code !== 409)
    .map(({ verb, requestURI, requestReceivedTimestamp: at }) => `${at} ${verb} ${requestURI}`)
}

it('a controller that is frozen during its work is replaced, and writes nothing when it continues', {
  timeout: 300_000,
}, async () => {
  const names = Array.from({ length: 12 }, (_, i) => `many-${i}`)
  const before = await countLeaseTransitions()
  const creations = Promise.all(names.map((name) => user().createServer(name)))
  await waitUntil(
    async () =>
      (await user().list('servers')).some(({ metadata, status }) => metadata.name.startsWith('many') && status?.host),
    {
      what: 'the first of many to be placed',
      every: 5,
    },
  )
  expect(signalProcess(first(), 'SIGSTOP')).toBe(true)
  await creations
  const frozen = performance.now()
  await waitUntil(() => isLeading(second.url), { what: 'the other to lead', deadline: 60_000 })
  expect((performance.now() - frozen) / 1000).toBeLessThan(3 * LEASE_SECONDS)
  expect(await countLeaseTransitions()).toBe(before + 1)
  const takenOverAt = (await getControllerLease()).spec?.acquireTime ?? ''
  for (const name of names) await user().waitForServer(name, 'placed', ({ status }) => status?.host !== undefined)
  signalProcess(first(), 'SIGCONT')
  await waitUntil(() => !isAlive(first()), { what: 'the frozen one to end', deadline: 60_000 })
  expect(await isLeading(second.url)).toBe(true)
  expect(writesOfFirst(takenOverAt)).toEqual([])
  for (const name of names) await user().kubectl('delete', 'server', name, '--wait=false')
})

it('the other controller takes over in bounded time when the leader is killed, and does nothing twice', {
  timeout: 300_000,
}, async () => {
  await startFirstController()
  expect(await isLeading(first().url)).toBe(false)
  await user().createServer('after')
  const killed = performance.now()
  await endProcess(second, 'SIGKILL')
  await waitUntil(() => isLeading(first().url), { what: 'the first to lead again', deadline: 60_000 })
  expect((performance.now() - killed) / 1000).toBeLessThan(3 * LEASE_SECONDS)
  await user().waitUntilReady('after', 120_000)
  for (const name of ['before', 'after']) expect(await countSucceeded(user(), name, 'create')).toBe(1)
})

it('a standby controller marks no host down when it leads after an outage of etcd', {
  timeout: 300_000,
}, async () => {
  const { plane } = user().cloud
  second = await startSecondController()
  await user().delete('after')
  const before = await user().waitUntilReady('before')
  await plane.kill('etcd')
  // The outage must last longer than the leases of hosts (30 seconds) and of controllers.
  const back = performance.now() + 45_000
  await waitUntil(() => performance.now() > back, { what: 'time to go by', deadline: 90_000, every: 250 })
  await plane.start()
  await waitUntil(() => isLeading(second.url), { what: 'the other to lead', deadline: 60_000 })
  const { renewTime } = (await getHostLease()).spec ?? {}
  await waitUntil(async () => (await getHostLease()).spec?.renewTime !== renewTime, {
    what: 'a heartbeat',
    deadline: 60_000,
  })
  await user().createServer('after')
  await user().waitUntilReady('after', 120_000)
  const now = await user().waitUntilReady('before')
  expect(conditionOf(now, 'Ready')).toEqual(conditionOf(before, 'Ready'))
  expect(now.metadata.resourceVersion).toBe(before.metadata.resourceVersion)
  await endProcess(second, 'SIGKILL')
  await startFirstController()
})

/**
 * The second agent claims to be h1.
 * @param inside the host on which it really runs
 */
async function startSecondAgent(inside: string, ...flags: string[]) {
  const { cloud } = user()
  const url = `${cloud.address(inside)}:8099`
  const ownFlags = {
    kubeconfig: cloud.kubeconfigOf('agent-h1'),
    'host-name': 'h1',
    'host-ip': cloud.address(inside),
    'metrics-address': url,
  }
  const argv = Object.entries(ownFlags).flatMap(([flag, value]) => [`--${flag}`, value])
  const main = join(repository, 'agent/main.ts')
  const agent = await cloud.host(inside).spawn([process.execPath, main, ...argv, ...flags], { name: 'intruder' })
  const readyz = async (): Promise<string> => (await fetch(`http://${url}/readyz`)).text()
  return { ...agent, readyz }
}

const getHostLease = () => getLease('h1')

it('a second agent on a host is not ready until the first ends', { timeout: 300_000 }, async () => {
  const other = await startSecondAgent('h1')
  const waiting = /\[-\]heartbeat failed: waiting for the API server, or for another agent of this host to end/
  await waitUntil(async () => waiting.test(await other.readyz()), { what: 'the second to wait', deadline: 60_000 })
  await user().cloud.kill('agent-h1')
  await waitUntil(async () => (await other.readyz()) === 'ok', { what: 'the second to work', deadline: 60_000 })
  await endProcess(other, 'SIGKILL')
  await user().cloud.startAgent('h1')
  await user().cloud.waitUntilReady('agent-h1')
})

it('an agent with the name of another host waits and changes nothing', { timeout: 300_000 }, async () => {
  const holder = (await getHostLease()).spec?.holderIdentity
  const domains = await user().runningDomains('h1')
  const other = await startSecondAgent('h2', '--state-dir', '/var/lib/kubenova/intruder')
  const waiting = new RegExp(`another agent works as host h1: it is ${holder}`)
  await waitUntil(async () => waiting.test(await other.readyz()), { what: 'the intruder to wait', deadline: 60_000 })
  for (let i = 0; i < 2; i++) {
    const { renewTime } = (await getHostLease()).spec ?? {}
    await waitUntil(async () => (await getHostLease()).spec?.renewTime !== renewTime, {
      what: 'a renewal',
      deadline: 60_000,
    })
  }
  expect((await getHostLease()).spec?.holderIdentity).toBe(holder)
  expect(await other.readyz()).toMatch(waiting)
  expect(await user().runningDomains('h1')).toEqual(domains)
  await endProcess(other, 'SIGKILL')
})
