// The API server is down for longer than a host's lease lasts. Guests keep running, no host is marked down, the agent
// does not exit, and afterwards all changes are caught up with. CHAOS_AWAY_SECONDS sets the duration;
// docs/guide/faults.md has the results for 300 seconds.
import { afterAll, beforeAll, expect, it } from 'vitest'
import type { Hypervisor, Server } from '../../../crds/index.ts'
import { conditionOf, withCloud } from '../../e2e/user.ts'
import { isAlive } from '../../rig/process.ts'
import { waitUntil } from '../../rig/wait-until.ts'
import { countSucceeded, waitForReadiness } from './faults.ts'

const user = withCloud()
/** Must be more than 30, the duration of a host's lease. */
const AWAY_SECONDS = Number(process.env['CHAOS_AWAY_SECONDS'] ?? 40)
/** Milliseconds in which the cloud must converge after the API server is back. */
const BACK_MS = 120_000

const host = () => user().cloud.host('h1')
const listRunning = async () => (await host().virsh('list', '--id', '--name')).trim()
const domainOf = async (name: string) => (await user().get('server', name)).status?.domain?.name ?? ''
const domainState = async (domain: string) => (await host().virsh('domstate', domain)).trim()

/** Restarts the controller whenever it has exited, as kubelet does. */
class Supervisor {
  restarts = 0
  #stop = new AbortController()

  start(): void {
    const restartIfEnded = async (): Promise<boolean> => {
      if (isAlive(user().cloud.service('controller'))) return false
      this.restarts++
      await user().cloud.startController()
      return false
    }
    const { signal } = this.#stop
    waitUntil(restartIfEnded, { what: 'the end', deadline: Number.MAX_SAFE_INTEGER, every: 1000, signal }).catch(
      () => undefined,
    )
  }

  end(): void {
    this.#stop.abort()
  }
}
const supervisor = new Supervisor()
afterAll(() => supervisor.end())

let steady: Server
let leaver = ''
let victim = ''

beforeAll(async () => {
  for (const name of ['steady', 'leaver', 'victim']) await user().createServer(name)
  for (const name of ['steady', 'leaver', 'victim']) await user().waitUntilReady(name, BACK_MS)
  // The guest of `leaver` must have booted, or it would ignore the test's shutdown request.
  await user().waitForBoot(await user().get('server', 'leaver'), 1, 2 * BACK_MS)
  steady = await user().get('server', 'steady')
  leaver = await domainOf('leaver')
  victim = await domainOf('victim')
  supervisor.start()
})

it(`guests run on, and agent and controller wait, while the API server is down for ${AWAY_SECONDS} s`, {
  timeout: BACK_MS + AWAY_SECONDS * 2000,
}, async () => {
  const { cloud } = user()
  const first = cloud.service('agent-h1')
  const before = (await listRunning()).split('\n').find((line) => line.includes('steady'))
  await user().createServer('newborn')
  await cloud.plane.kill('kube-apiserver')
  const back = performance.now() + AWAY_SECONDS * 1000
  const waitForShare = (share: number) =>
    waitUntil(() => performance.now() > back - AWAY_SECONDS * 1000 * (1 - share), {
      what: 'time to go by',
      deadline: AWAY_SECONDS * 2000,
      every: 250,
    })
  await host().virsh('shutdown', leaver)
  await host().virsh('destroy', victim)
  await waitForShare(0.5)
  expect(isAlive(first)).toBe(true)
  // An agent that starts while the API server is down must wait and not exit.
  await cloud.kill('agent-h1')
  await cloud.startAgent('h1')
  const second = cloud.service('agent-h1')
  await waitForShare(1)
  expect(isAlive(second)).toBe(true)
  expect(await domainState(leaver)).toBe('shut off')
  expect(await domainState(victim)).toBe('shut off')
  expect((await listRunning()).split('\n').find((line) => line.includes('steady'))).toBe(before)
  await cloud.plane.start()
  await cloud.waitUntilReady('agent-h1')
  expect(cloud.service('agent-h1').pid).toBe(second.pid)
})

it('no host is fenced, no request is lost, and changes meanwhile are caught up when the API server is back', {
  timeout: 3 * BACK_MS,
}, async () => {
  const started = performance.now()
  // `victim` stays Ready until the agent observes that virsh destroyed the domain, so wait first for the record of the
  // `start` action.
  await waitUntil(async () => (await countSucceeded(user(), 'victim', 'start')) > 0, {
    what: 'its start',
    deadline: BACK_MS,
  })
  await user().waitUntilReady('victim')
  expect((await waitForReadiness(user(), 'leaver', 'False', 'GuestShutdown')).status?.vmState).toBe('stopped')
  await user().waitUntilReady('newborn', BACK_MS)
  console.log(`caught up ${((performance.now() - started) / 1000).toFixed(1)} s after the agent was ready`)
  const now = await user().waitUntilReady('steady')
  // Marking the host down would have changed the Server's condition Ready, at least its lastTransitionTime.
  expect(conditionOf(now, 'Ready')).toEqual(conditionOf(steady, 'Ready'))
  expect(conditionOf(now, 'HostReachable')).toBeUndefined()
  expect((await user().get<Hypervisor>('hypervisor', 'h1')).status?.state).toBe('up')
  expect(await countSucceeded(user(), 'victim', 'start')).toBe(1)
  expect(await countSucceeded(user(), 'newborn', 'create')).toBe(1)
  expect(await countSucceeded(user(), 'leaver', 'start')).toBe(0)
  const domains = (await host().virsh('list', '--all', '--name')).split('\n').filter(Boolean)
  expect(domains).toHaveLength(4)
})

it('the controller exited once, because it could not renew its lease, and then waited for the API server', () => {
  expect(supervisor.restarts).toBe(1)
  expect(isAlive(user().cloud.service('controller'))).toBe(true)
})
