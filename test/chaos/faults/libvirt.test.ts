// A host whose libvirtd stays down: the outage is reported, other hosts take new servers, and all requests complete
// when libvirtd is back.
import { beforeAll, expect, it } from 'vitest'
import type { Hypervisor, Server } from '../../../crds/index.ts'
import { conditionOf, withCloud } from '../../e2e/user.ts'
import { waitUntil } from '../../rig/wait-until.ts'
import { findOrphansOf, restartAgent, waitForReadiness } from './faults.ts'

const user = withCloud({ hosts: 2 })
const SLOW_MS = 120_000
const h1 = () => user().cloud.host('h1')

const setHostDisabled = (host: string, disabled: boolean) =>
  user().patch('hypervisor', host, { spec: { disabled, disabledReason: disabled ? 'a test' : null } })
const waitForHostReadiness = (status: string, reason: string) =>
  waitUntil(
    async () => {
      const ready = conditionOf(await user().get<Hypervisor>('hypervisor', 'h1'), 'Ready')
      return ready?.status === status && ready.reason === reason
    },
    { what: `h1 to be Ready ${status} for ${reason}`, deadline: 60_000, every: 200 },
  )

let running: Server
beforeAll(async () => {
  await setHostDisabled('h2', true)
  for (const name of ['stays', 'stops', 'goes']) await user().createServer(name)
  for (const name of ['stays', 'stops', 'goes']) await user().waitUntilReady(name, SLOW_MS)
  running = await user().get('server', 'stays')
  await user().waitForBoot(running)
})

it('the host reports that libvirtd is down and gets no new servers, and its guests run on without a status change', async () => {
  await h1().killLibvirtd()
  // The controller does not know yet that libvirtd on h1 is down. Later the server moves to h2.
  await user().createServer('early')
  await user().waitForServer('early', 'on h1', (server) => server.status?.host === 'h1')
  await setHostDisabled('h2', false)
  await waitForHostReadiness('False', 'LibvirtUnreachable')
  expect((await user().get<Hypervisor>('hypervisor', 'h1')).status?.state).toBe('up')
  expect((await user().waitUntilReady('early', SLOW_MS)).status?.host).toBe('h2')
  await user().createServer('late')
  expect((await user().waitUntilReady('late', SLOW_MS)).status?.host).toBe('h2')
  // This server must be built without a new request when libvirtd is back.
  await setHostDisabled('h2', true)
  await user().createServer('alone')
  await waitForReadiness(user(), 'alone', 'False', 'NoValidHost')
  expect(h1().qemuOf(running.status?.domain?.name ?? '')).toBeDefined()
  const now = await user().get('server', 'stays')
  expect(now.metadata.resourceVersion).toBe(running.metadata.resourceVersion)
})

it('requests to its servers wait and report that libvirtd is down, also with an agent that has just started', async () => {
  await restartAgentWithoutLibvirt()
  await user().patch('server', 'stops', { spec: { powerState: 'Stopped' } })
  await user().kubectl('delete', 'server', 'goes', '--wait=false')
  for (const name of ['stops', 'goes']) {
    const waiting = await waitForReadiness(user(), name, 'False', 'LibvirtUnreachable')
    expect(conditionOf(waiting, 'Ready')?.message).toMatch(
      /libvirt on h1 does not answer: see that libvirtd runs there/,
    )
    expect(conditionOf(waiting, 'Reconciling')?.status).toBe('True')
    expect(waiting.status?.vmState).toBe('active')
  }
})

it('all requests complete once when libvirtd is back', async () => {
  const goes = await user().get('server', 'goes')
  await h1().startLibvirtd()
  await waitForHostReadiness('True', 'Connected')
  expect((await user().waitUntilReady('alone', SLOW_MS)).status?.host).toBe('h1')
  await user().waitForServer('stops', 'off', ({ status }) => status?.vmState === 'stopped', SLOW_MS)
  await user().waitUntilReady('stops')
  await user().kubectl('wait', '--for=delete', 'server/goes', `--timeout=${SLOW_MS / 1000}s`)
  expect(await findOrphansOf(h1(), goes)).toEqual([])
  const early = await user().get('server', 'early')
  expect(await findOrphansOf(h1(), early)).toEqual([])
  expect((await user().get('server', 'stays')).status?.actionRecords).toBe(1)
  const alone = await user().get('server', 'alone')
  const names = [running, alone].map(({ status }) => status?.domain?.name ?? '')
  expect((await user().runningDomains('h1')).sort()).toEqual(names.sort())
})

it('a guest whose QEMU ends after each start is restarted with a growing delay, which is reported', async () => {
  await restartAgent(user(), 'h1')
  const name = running.status?.domain?.name ?? ''
  await h1().virsh('destroy', name)
  await waitUntil(async () => (await user().get('server', 'stays')).status?.actionRecords === 2, {
    what: 'a restart',
    every: 100,
  })
  await h1().virsh('destroy', name)
  const waiting = await waitForReadiness(user(), 'stays', 'False', 'RestartDelayed')
  expect(conditionOf(waiting, 'Ready')?.message).toMatch(
    /^the domain has ended by itself again \(destroyed\), after a restart; /,
  )
  expect((await user().waitUntilReady('stays', SLOW_MS)).status?.actionRecords).toBe(3)
})

/** Does not wait for /readyz, because the agent is not ready without libvirt. */
async function restartAgentWithoutLibvirt(): Promise<void> {
  await user().cloud.kill('agent-h1')
  await user().cloud.startAgent('h1')
}
