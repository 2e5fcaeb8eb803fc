// The wall clock of agent or controller jumps by hours, forward and back. Leases, timeouts and backoffs use monotonic
// clocks, so only timestamps in action records and conditions may follow it.
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, expect, it } from 'vitest'
import type { Hypervisor, ServerAction } from '../../../crds/index.ts'
import type { Lease } from '../../../kube/builtin-kinds.ts'
import { conditionOf, withCloud } from '../../e2e/user.ts'
import { freePorts } from '../../rig/ports.ts'
import { isAlive, type ProcessId, runCommand, spawnMarked } from '../../rig/process.ts'
import { waitUntil } from '../../rig/wait-until.ts'
import { countSucceeded } from './faults.ts'

const user = withCloud()
const repository = join(import.meta.dirname, '../../..')
const DOWN_AFTER_SECONDS = 6
const HOUR_MS = 3_600_000

let agent: ProcessId
let controller: ProcessId
let clocks = ''

/**
 * Environment variables with which libfaketime shifts a process's wall clock by the offset in a file (see setClock()).
 * The monotonic clock stays real.
 */
async function clockEnvironment(name: string): Promise<Record<string, string>> {
  const listed = await runCommand(['dpkg', '--listfiles', 'libfaketime'])
  const library = listed.split('\n').find((line) => line.endsWith('/libfaketime.so.1')) ?? ''
  setClock(name, '+0')
  return {
    LD_PRELOAD: library,
    FAKETIME_TIMESTAMP_FILE: join(clocks, name),
    FAKETIME_NO_CACHE: '1',
    FAKETIME_DONT_FAKE_MONOTONIC: '1',
    DONT_FAKE_MONOTONIC: '1',
  }
}

/** @param offset difference from the real time, such as +5h */
function setClock(name: string, offset: string): void {
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
  // Nothing restarts a controller that has lost its lease, so the lease must outlast a slow start of the API server.
  const longLease = ['--lease-seconds', '120']
  controller = await spawnMarked([...main('controller'), ...start, ...longLease], {
    dir: join(clocks, '..'),
    log: join(clocks, 'controller.log'),
    owned: true,
    env: await clockEnvironment('controller'),
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
  agent = await host.spawn([...main('agent'), ...argv], { name: 'agent', env: await clockEnvironment('agent') })
  await user().createServer('web')
  await user().waitForBoot(await user().waitUntilReady('web', 180_000), 1, 180_000)
})

const hostRenewTime = async (): Promise<string> => {
  const path = '/apis/coordination.k8s.io/v1/namespaces/kubenova-system/leases/h1'
  return (JSON.parse(await user().cloud.plane.api.text(path)) as Lease).spec?.renewTime ?? ''
}

const hasOffset = (time: string, offsetHours: number): boolean =>
  Math.abs(Date.parse(time) - Date.now() - offsetHours * HOUR_MS) < HOUR_MS / 10

/**
 * Waits for a lease renewal with the shifted clock, then checks that the host stays up for longer than the lease lasts.
 */
async function expectHostStaysUp(agentHours: number): Promise<void> {
  await waitUntil(async () => hasOffset(await hostRenewTime(), agentHours), {
    what: 'a heartbeat by the new clock',
    every: 200,
  })
  const end = performance.now() + 1.5 * DOWN_AFTER_SECONDS * 1000
  const states = new Set<string | undefined>()
  await waitUntil(
    async () => {
      states.add((await user().get<Hypervisor>('hypervisor', 'h1')).status?.state)
      return performance.now() > end
    },
    { what: 'time to go by', deadline: 120_000, every: 500 },
  )
  expect([...states]).toEqual(['up'])
}

async function expectActionWorks(): Promise<void> {
  const before = await countSucceeded(user(), 'web', 'reboot')
  const request = await user().runAction('web', 'reboot', { type: 'HARD' })
  expect(request.status?.phase).toBe('Succeeded')
  const now = await user().waitUntilReady('web')
  expect(conditionOf(now, 'HostReachable')).toBeUndefined()
  expect(await countSucceeded(user(), 'web', 'reboot')).toBe(before + 1)
  expect([isAlive(agent), isAlive(controller)]).toEqual([true, true])
}

const listRecords = async () =>
  (await user().list<ServerAction>('serveractions')).filter((r) => r.spec.server === 'web')

const domainId = async () =>
  (
    await user()
      .cloud.host('h1')
      .virsh('domid', (await user().get('server', 'web')).status?.domain?.name ?? '')
  ).trim()

it.each([
  ['the agent’s clock jumps five hours forward', 'agent', '+5h', 5, 0],
  ['the agent’s clock jumps five hours back', 'agent', '+0', 0, 0],
  ['the controller’s clock jumps seven hours forward', 'controller', '+7h', 0, 7],
  ['the controller’s clock jumps seven hours back', 'controller', '+0', 0, 0],
] as const)(
  'the host stays up, guests run on and actions work when %s',
  async (_, name, offset, agentHours, controllerHours) => {
    const before = await domainId()
    setClock(name, offset)
    await expectHostStaysUp(agentHours)
    expect(await domainId()).toBe(before)
    await expectActionWorks()
    const [latest] = (await listRecords()).toSorted((a, b) =>
      (b.metadata.creationTimestamp ?? '').localeCompare(a.metadata.creationTimestamp ?? ''),
    )
    expect(hasOffset(latest?.status?.finishTime ?? '', agentHours)).toBe(true)
    await user().createServer(`new-${agentHours}-${controllerHours}-${name}`)
    await user().waitUntilReady(`new-${agentHours}-${controllerHours}-${name}`, 120_000)
  },
)

it('the host is down while the agent’s clock is before the API server’s certificate, and up when the clock is right', async () => {
  const before = await domainId()
  const isHost = (state: string) => async () =>
    (await user().get<Hypervisor>('hypervisor', 'h1')).status?.state === state || undefined
  setClock('agent', '-400d')
  await user().cloud.plane.kill('kube-apiserver')
  await user().cloud.plane.start()
  await waitUntil(isHost('down'), { what: 'the host to be down', deadline: 120_000, every: 200 })
  setClock('agent', '+0')
  await waitUntil(isHost('up'), { what: 'the host to be up', deadline: 120_000, every: 200 })
  expect(await domainId()).toBe(before)
  await expectActionWorks()
})
