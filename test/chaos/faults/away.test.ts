// The API server is away for longer than a host's lease lasts. Guests run on, nothing is fenced, nobody crash-loops; what happened meanwhile is
// caught up when it is back. CHAOS_AWAY_SECONDS makes it longer: 300 is what docs/guide/faults.md speaks of.
import { afterAll, beforeAll, expect, it } from 'vitest'
import type { Hypervisor, Server } from '../../../crds/index.ts'
import { conditionOf, withCloud } from '../../e2e/user.ts'
import { isAlive } from '../../rig/process.ts'
import { until } from '../../rig/until.ts'
import { done, readiness } from './faults.ts'

const user = withCloud()
/** The lease of a host lasts for 30. */
const AWAY_SECONDS = Number(process.env['CHAOS_AWAY_SECONDS'] ?? 40)
/** No guest answers within it: the API server is what is tested. */
const BACK_MS = 120_000

const host = () => user().cloud.host('h1')
const ids = async () => (await host().virsh('list', '--id', '--name')).trim()
const domainOf = async (name: string) => (await user().get('server', name)).status?.domain?.name ?? ''
const state = async (domain: string) => (await host().virsh('domstate', domain)).trim()

/** Starts the controller again when it has ended, as a cluster does. */
class Supervisor {
  restarts = 0
  #stop = new AbortController()

  start(): void {
    const look = async (): Promise<boolean> => {
      if (isAlive(user().cloud.service('controller'))) return false
      this.restarts++
      await user().cloud.startController()
      return false
    }
    const { signal } = this.#stop
    until(look, { what: 'the end', deadline: Number.MAX_SAFE_INTEGER, every: 1000, signal }).catch(() => undefined)
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
  for (const name of ['steady', 'leaver', 'victim']) await user().server(name)
  for (const name of ['steady', 'leaver', 'victim']) await user().ready(name, BACK_MS)
  // One that is asked to power off must be there to hear it.
  await user().booted(await user().get('server', 'leaver'), 1, 2 * BACK_MS)
  steady = await user().get('server', 'steady')
  leaver = await domainOf('leaver')
  victim = await domainOf('victim')
  supervisor.start()
})

it(`is away for ${AWAY_SECONDS} s: guests run on, agent and controller wait`, {
  timeout: BACK_MS + AWAY_SECONDS * 2000,
}, async () => {
  const { cloud } = user()
  const first = cloud.service('agent-h1')
  const before = (await ids()).split('\n').find((line) => line.includes('steady'))
  await user().server('newborn')
  await cloud.plane.kill('kube-apiserver')
  const back = performance.now() + AWAY_SECONDS * 1000
  const goesBy = (share: number) =>
    until(() => performance.now() > back - AWAY_SECONDS * 1000 * (1 - share), {
      what: 'time to go by',
      deadline: AWAY_SECONDS * 2000,
      every: 250,
    })
  await host().virsh('shutdown', leaver)
  await host().virsh('destroy', victim)
  await goesBy(0.5)
  expect(isAlive(first)).toBe(true)
  // An agent that starts while there is no API server waits for it.
  await cloud.kill('agent-h1')
  await cloud.startAgent('h1')
  const second = cloud.service('agent-h1')
  await goesBy(1)
  expect(isAlive(second)).toBe(true)
  expect(await state(leaver)).toBe('shut off')
  expect(await state(victim)).toBe('shut off')
  expect((await ids()).split('\n').find((line) => line.includes('steady'))).toBe(before)
  await cloud.plane.start()
  await cloud.ready('agent-h1')
  expect(cloud.service('agent-h1').pid).toBe(second.pid)
})

it('nothing is fenced, nothing was lost, and what happened meanwhile is caught up', {
  timeout: 3 * BACK_MS,
}, async () => {
  const started = performance.now()
  // What it says is of before, until its agent has looked.
  await until(async () => (await done(user(), 'victim', 'start')) > 0, { what: 'its start', deadline: BACK_MS })
  await user().ready('victim')
  expect((await readiness(user(), 'leaver', 'False', 'GuestShutdown')).status?.vmState).toBe('stopped')
  await user().ready('newborn', BACK_MS)
  console.log(`caught up ${((performance.now() - started) / 1000).toFixed(1)} s after the agent was ready`)
  const now = await user().ready('steady')
  // It never said anything else: its host was never called down.
  expect(conditionOf(now, 'Ready')).toEqual(conditionOf(steady, 'Ready'))
  expect(conditionOf(now, 'HostReachable')).toBeUndefined()
  expect((await user().get<Hypervisor>('hypervisor', 'h1')).status?.state).toBe('up')
  expect(await done(user(), 'victim', 'start')).toBe(1)
  expect(await done(user(), 'newborn', 'create')).toBe(1)
  expect(await done(user(), 'leaver', 'start')).toBe(0)
  const domains = (await host().virsh('list', '--all', '--name')).split('\n').filter(Boolean)
  expect(domains).toHaveLength(4)
})

it('the controller ended once, as it could not know that it still led, and then waited', () => {
  expect(supervisor.restarts).toBe(1)
  expect(isAlive(user().cloud.service('controller'))).toBe(true)
})
