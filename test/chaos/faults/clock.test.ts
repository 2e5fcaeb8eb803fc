// The clocks of a host and of the controller jump by hours, forward and back, while they work. Who is alive, how long something may take and when
// it is tried again goes by clocks that do not jump; only the times in records and conditions are what the clock on the wall says.
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, expect, it } from 'vitest'
import type { Hypervisor, ServerAction } from '../../../crds/index.ts'
import type { Lease } from '../../../kube/builtin-kinds.ts'
import { conditionOf, withCloud } from '../../e2e/user.ts'
import { freePorts } from '../../rig/ports.ts'
import { isAlive, type ProcessId, run, spawnMarked } from '../../rig/process.ts'
import { until } from '../../rig/until.ts'
import { done } from './faults.ts'

const user = withCloud()
const repository = join(import.meta.dirname, '../../..')
const DOWN_AFTER_SECONDS = 6
const HOUR_MS = 3_600_000

let agent: ProcessId
let controller: ProcessId
let clocks = ''

/** libfaketime moves the clock on the wall of a process while it runs, by what a file says; its monotonic clock goes on. */
async function withClock(name: string): Promise<Record<string, string>> {
  const listed = await run(['dpkg', '--listfiles', 'libfaketime'])
  const library = listed.split('\n').find((line) => line.endsWith('/libfaketime.so.1')) ?? ''
  set(name, '+0')
  return {
    LD_PRELOAD: library,
    FAKETIME_TIMESTAMP_FILE: join(clocks, name),
    FAKETIME_NO_CACHE: '1',
    FAKETIME_DONT_FAKE_MONOTONIC: '1',
    DONT_FAKE_MONOTONIC: '1',
  }
}

/** @param offset such as +5h, from now on */
function set(name: string, offset: string): void {
  writeFileSync(join(clocks, name), `${offset}\n`)
}

beforeAll(async () => {
  const { cloud } = user()
  const host = cloud.host('h1')
  clocks = join(host.home, '../../clocks')
  mkdirSync(clocks)
  await cloud.kill('controller')
  await cloud.kill('agent-h1')
  const [port] = await freePorts('127.0.0.1', 1)
  const main = (program: string) => [process.execPath, join(repository, program, 'main.ts')]
  const start = ['--kubeconfig', cloud.kubeconfigOf('controller'), '--metrics-address', `127.0.0.1:${port}`]
  // Nobody would bring it back, should the API server take longer to start than it may be without its lease.
  const patient = ['--lease-seconds', '120']
  controller = await spawnMarked([...main('controller'), ...start, ...patient], {
    dir: join(clocks, '..'),
    log: join(clocks, 'controller.log'),
    owned: true,
    env: await withClock('controller'),
  })
  const flags = {
    kubeconfig: cloud.kubeconfigOf('agent-h1'),
    'host-name': 'h1',
    'host-ip': cloud.address('h1'),
    'metrics-address': `${cloud.address('h1')}:8081`,
    'down-after-seconds': `${DOWN_AFTER_SECONDS}`,
    'sync-seconds': '5',
  }
  const argv = Object.entries(flags).flatMap(([flag, value]) => [`--${flag}`, value])
  agent = await host.spawn([...main('agent'), ...argv], { name: 'agent', env: await withClock('agent') })
  await user().server('web')
  await user().booted(await user().ready('web', 180_000), 1, 180_000)
})

const renewed = async (): Promise<string> => {
  const path = '/apis/coordination.k8s.io/v1/namespaces/kubenova-system/leases/h1'
  return (JSON.parse(await user().cloud.plane.api.text(path)) as Lease).spec?.renewTime ?? ''
}

/** The clock says so, to a few minutes. */
const says = (time: string, offsetHours: number): boolean =>
  Math.abs(Date.parse(time) - Date.now() - offsetHours * HOUR_MS) < HOUR_MS / 10

/** Longer than the lease lasts, and the host is up at each look. */
async function staysUp(agentHours: number): Promise<void> {
  await until(async () => says(await renewed(), agentHours), { what: 'a heartbeat by the new clock', every: 200 })
  const end = performance.now() + 1.5 * DOWN_AFTER_SECONDS * 1000
  const seen = new Set<string | undefined>()
  await until(
    async () => {
      seen.add((await user().get<Hypervisor>('hypervisor', 'h1')).status?.state)
      return performance.now() > end
    },
    { what: 'time to go by', deadline: 120_000, every: 500 },
  )
  expect([...seen]).toEqual(['up'])
}

/** What users do works, and is done once. */
async function works(): Promise<void> {
  const before = await done(user(), 'web', 'reboot')
  const asked = await user().deed('web', 'reboot', { type: 'HARD' })
  expect(asked.status?.phase).toBe('Succeeded')
  const now = await user().ready('web')
  expect(conditionOf(now, 'HostReachable')).toBeUndefined()
  expect(await done(user(), 'web', 'reboot')).toBe(before + 1)
  expect([isAlive(agent), isAlive(controller)]).toEqual([true, true])
}

/** Newest first. */
const records = async () => (await user().list<ServerAction>('serveractions')).filter((r) => r.spec.server === 'web')

const domid = async () =>
  (
    await user()
      .cloud.host('h1')
      .virsh('domid', (await user().get('server', 'web')).status?.domain?.name ?? '')
  ).trim()

it.each([
  ['five hours forward', 'agent', '+5h', 5, 0],
  ['and five hours back', 'agent', '+0', 0, 0],
  ['the controller’s seven hours forward', 'controller', '+7h', 0, 7],
  ['and back', 'controller', '+0', 0, 0],
] as const)(
  '%s: the host stays up, guests run on, all goes on',
  async (_, name, offset, agentHours, controllerHours) => {
    const before = await domid()
    set(name, offset)
    await staysUp(agentHours)
    expect(await domid()).toBe(before)
    await works()
    const [latest] = (await records()).toSorted((a, b) =>
      (b.metadata.creationTimestamp ?? '').localeCompare(a.metadata.creationTimestamp ?? ''),
    )
    expect(says(latest?.status?.finishTime ?? '', agentHours)).toBe(true)
    await user().server(`new-${agentHours}-${controllerHours}-${name}`)
    await user().ready(`new-${agentHours}-${controllerHours}-${name}`, 120_000)
  },
)

it('before the API server’s certificate: with new connections the host is down until its clock is right, guests run on', async () => {
  const before = await domid()
  const isSaid = (state: string) => async () =>
    (await user().get<Hypervisor>('hypervisor', 'h1')).status?.state === state || undefined
  set('agent', '-400d')
  await user().cloud.plane.kill('kube-apiserver')
  await user().cloud.plane.start()
  await until(isSaid('down'), { what: 'the host to be called down', deadline: 120_000, every: 200 })
  set('agent', '+0')
  await until(isSaid('up'), { what: 'the host to be up', deadline: 120_000, every: 200 })
  expect(await domid()).toBe(before)
  await works()
})
