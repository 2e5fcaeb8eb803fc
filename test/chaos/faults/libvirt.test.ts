// A libvirtd that stays dead: said where people look, no obstacle to what other hosts can do, and made good when it is back.
import { beforeAll, expect, it } from 'vitest'
import type { Hypervisor, Server } from '../../../crds/index.ts'
import { conditionOf, withCloud } from '../../e2e/user.ts'
import { until } from '../../rig/until.ts'
import { readiness, remains, restartAgent } from './faults.ts'

const user = withCloud({ hosts: 2 })
const SLOW_MS = 120_000
const h1 = () => user().cloud.host('h1')

const disable = (host: string, disabled: boolean) =>
  user().patch('hypervisor', host, { spec: { disabled, disabledReason: disabled ? 'a test' : null } })
const hostSays = (status: string, reason: string) =>
  until(
    async () => {
      const ready = conditionOf(await user().get<Hypervisor>('hypervisor', 'h1'), 'Ready')
      return ready?.status === status && ready.reason === reason
    },
    { what: `h1 to be Ready ${status} for ${reason}`, deadline: 60_000, every: 200 },
  )

let stays: Server
beforeAll(async () => {
  await disable('h2', true)
  for (const name of ['stays', 'stops', 'goes']) await user().server(name)
  for (const name of ['stays', 'stops', 'goes']) await user().ready(name, SLOW_MS)
  stays = await user().get('server', 'stays')
  await user().booted(stays)
})

it('the host says so, and gets no more servers; guests run on, and nothing is said of them', async () => {
  await h1().killLibvirtd()
  // Placed on it before that is known: it need not wait.
  await user().server('early')
  await user().until('early', 'on h1', (server) => server.status?.host === 'h1')
  await disable('h2', false)
  await hostSays('False', 'LibvirtUnreachable')
  expect((await user().get<Hypervisor>('hypervisor', 'h1')).status?.state).toBe('up')
  expect((await user().ready('early', SLOW_MS)).status?.host).toBe('h2')
  await user().server('late')
  expect((await user().ready('late', SLOW_MS)).status?.host).toBe('h2')
  // Nobody need ask again for what no other host can have.
  await disable('h2', true)
  await user().server('alone')
  await readiness(user(), 'alone', 'False', 'NoValidHost')
  expect(h1().qemu(stays.status?.domain?.name ?? '')).toBeDefined()
  const now = await user().get('server', 'stays')
  expect(now.metadata.resourceVersion).toBe(stays.metadata.resourceVersion)
})

it('what is asked of its servers waits, and says so; so does an agent that starts meanwhile', async () => {
  await restartAgentWithoutLibvirt()
  await user().patch('server', 'stops', { spec: { powerState: 'Stopped' } })
  await user().kubectl('delete', 'server', 'goes', '--wait=false')
  for (const name of ['stops', 'goes']) {
    const waits = await readiness(user(), name, 'False', 'LibvirtUnreachable')
    expect(conditionOf(waits, 'Ready')?.message).toMatch(/libvirt on h1 does not answer: see that libvirtd runs there/)
    expect(conditionOf(waits, 'Reconciling')?.status).toBe('True')
    expect(waits.status?.vmState).toBe('active')
  }
})

it('when it is back all of it is done, and nothing twice', async () => {
  const goes = await user().get('server', 'goes')
  await h1().startLibvirtd()
  await hostSays('True', 'Connected')
  expect((await user().ready('alone', SLOW_MS)).status?.host).toBe('h1')
  await user().until('stops', 'off', ({ status }) => status?.vmState === 'stopped', SLOW_MS)
  await user().ready('stops')
  await user().kubectl('wait', '--for=delete', 'server/goes', `--timeout=${SLOW_MS / 1000}s`)
  expect(await remains(h1(), goes)).toEqual([])
  const early = await user().get('server', 'early')
  expect(await remains(h1(), early)).toEqual([])
  expect((await user().get('server', 'stays')).status?.records).toBe(1)
  const alone = await user().get('server', 'alone')
  const names = [stays, alone].map(({ status }) => status?.domain?.name ?? '')
  expect((await user().domains('h1')).sort()).toEqual(names.sort())
})

it('a guest whose QEMU dies at once after each start is started later each time, and says so', async () => {
  await restartAgent(user(), 'h1')
  const name = stays.status?.domain?.name ?? ''
  await h1().virsh('destroy', name)
  await until(async () => (await user().get('server', 'stays')).status?.records === 2, {
    what: 'a restart',
    every: 100,
  })
  await h1().virsh('destroy', name)
  const waits = await readiness(user(), 'stays', 'False', 'RestartDelayed')
  expect(conditionOf(waits, 'Ready')?.message).toMatch(
    /^the domain has ended by itself again \(destroyed\), after a restart; /,
  )
  expect((await user().ready('stays', SLOW_MS)).status?.records).toBe(3)
})

/** Its Hypervisor and its heartbeat need no libvirt; /readyz does. */
async function restartAgentWithoutLibvirt(): Promise<void> {
  await user().cloud.kill('agent-h1')
  await user().cloud.startAgent('h1')
}
