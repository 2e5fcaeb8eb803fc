// Somebody uses virsh on a host, behind the agent's back: each row of docs/guide/virsh.md. Noticed by events alone: nothing is compared anew
// for a day.
import { beforeAll, expect, it } from 'vitest'
import type { Server } from '../../../crds/index.ts'
import { conditionOf, withCloud } from '../../e2e/user.ts'
import { isAlive, signal } from '../../rig/process.ts'
import { until } from '../../rig/until.ts'
import { done, readiness, restartAgent } from './faults.ts'

const user = withCloud()
const DAY = String(86_400)

let domain = ''
const host = () => user().cloud.host('h1')
const virsh = (command: string, ...args: string[]) => host().virsh(command, domain, ...args)
const state = async () => (await virsh('domstate')).trim()
const is = (power: string) =>
  until(async () => (await state()) === power, { what: `the domain to be ${power}`, every: 50 })
const wish = (powerState: string) => user().patch('server', 'web', { spec: { powerState } })
const count = (action: string) => done(user(), 'web', action)
/** As a package's update does it. */
async function restartLibvirtd(): Promise<void> {
  await host().killLibvirtd()
  await host().startLibvirtd()
  await user().cloud.ready('agent-h1')
}
/** The agent has looked at the server since. */
async function lookedAt(): Promise<void> {
  await user().patch('server', 'web', { spec: { displayName: `looked at ${Date.now()}` } })
  const seen = ({ status, metadata }: Server) => status?.observedGeneration === metadata.generation
  await user().until('web', 'looked at', seen)
}
const boots = async () =>
  user()
    .console(await user().get('server', 'web'))
    .split('KUBENOVA-GUEST').length - 1

/** Ready again, after an action of this kind more than before. */
async function restored(action: string, act: () => Promise<unknown>): Promise<void> {
  const before = await count(action)
  await act()
  await until(async () => (await count(action)) > before, { what: `another ${action}`, deadline: 120_000, every: 100 })
  await user().ready('web')
  expect(await count(action)).toBe(before + 1)
}

async function bootedOnce(act: () => Promise<unknown>): Promise<void> {
  const before = await boots()
  await act()
  await user().booted(await user().get('server', 'web'), before + 1)
}

beforeAll(async () => {
  // A guest that virsh has just started does not hear yet that it is asked to power off: it is not given a minute for that.
  await restartAgent(
    user(),
    'h1',
    '--sync-seconds',
    DAY,
    '--shutdown-timeout-seconds',
    '5',
    '--restart-delay-seconds',
    '0',
  )
  await user().server('web')
  const server = await user().ready('web')
  domain = server.status?.domain?.name ?? ''
  await user().booted(server)
})

it('suspend, resume: recorded', async () => {
  await virsh('suspend')
  const paused = await readiness(user(), 'web', 'False', 'ChangedOnHost')
  expect(paused.status).toMatchObject({ vmState: 'paused', powerState: 'Paused' })
  expect(conditionOf(paused, 'Ready')?.message).toMatch(/paused \(user\), not running: it was changed on the host/)
  await virsh('resume')
  await user().ready('web')
  expect(await count('unpause')).toBe(0)
})

it('managedsave, start: recorded, and it goes on where it was', async () => {
  const before = await boots()
  await virsh('managedsave')
  const saved = await readiness(user(), 'web', 'False', 'ChangedOnHost')
  expect(saved.status).toMatchObject({ vmState: 'suspended', powerState: 'Shutdown' })
  await virsh('start')
  await user().ready('web')
  expect(await boots()).toBe(before)
  expect(await count('start')).toBe(0)
})

it('destroy: started again', () => bootedOnce(() => restored('start', () => virsh('destroy'))))

it('destroy and undefine: made and started again, from the same disk', () =>
  bootedOnce(() => restored('start', () => host().virsh(`destroy ${domain}; undefine ${domain}`))))

it('undefine while it runs: it runs on, and is defined again at its next boot', async () => {
  await virsh('undefine')
  await virsh('dominfo').then((info) => expect(info).toMatch(/Persistent:\s+no/))
  await user().patch('server', 'web', { spec: { displayName: 'still here' } })
  await user().ready('web')
  await restored('start', () => virsh('destroy'))
  expect(await virsh('dominfo')).toMatch(/Persistent:\s+yes/)
})

it('reset, reboot: the guest boots, and that is all', async () => {
  const before = await count('start')
  for (const command of ['reset', 'reboot']) await bootedOnce(() => virsh(command))
  await user().ready('web')
  expect(await count('start')).toBe(before)
  expect(await count('reboot')).toBe(0)
})

it('save to a file: recorded, for its memory is in that file; a start that is asked for begins from its disk', async () => {
  const before = await count('start')
  await virsh('save', '/var/lib/libvirt/web.save')
  const saved = await readiness(user(), 'web', 'False', 'ChangedOnHost')
  expect(saved.status).toMatchObject({ vmState: 'stopped', domain: { reason: 'saved' } })
  expect(await count('start')).toBe(before)
  await bootedOnce(async () => expect((await user().deed('web', 'start')).status?.phase).toBe('Succeeded'))
  await user().ready('web')
})

it('shutdown: recorded, as when the guest does it', async () => {
  await virsh('shutdown')
  const off = await readiness(user(), 'web', 'False', 'GuestShutdown')
  expect(off.status).toMatchObject({ vmState: 'stopped', powerState: 'Shutdown' })
  expect(await state()).toBe('shut off')
})

it('and stays off when libvirtd is started again, though that has forgotten why it is', async () => {
  const before = await count('start')
  await restartLibvirtd()
  expect(await virsh('domstate', '--reason')).toContain('shut off (unknown)')
  await lookedAt()
  await readiness(user(), 'web', 'False', 'GuestShutdown')
  expect(await state()).toBe('shut off')
  expect(await count('start')).toBe(before)
})

it('start, where it shall be Stopped: stopped', async () => {
  await wish('Stopped')
  await user().ready('web')
  await restored('stop', () => virsh('start'))
  expect(await state()).toBe('shut off')
})

it('undefine, where it shall be Stopped: as it should be; it is defined when it is wished to run', async () => {
  await virsh('undefine')
  await readiness(user(), 'web', 'True', 'Stopped')
  await restored('start', () => wish('Running'))
})

it('resume, and destroy, where it shall be Paused: paused', async () => {
  await wish('Paused')
  await readiness(user(), 'web', 'True', 'Paused')
  await restored('pause', () => virsh('resume'))
  expect(await state()).toBe('paused')
  await restored('start', () => virsh('destroy'))
  await is('paused')
})

it('start, where it shall be Suspended: suspended; undefine: recorded, for its memory is lost', async () => {
  await wish('Running')
  await user().ready('web')
  await wish('Suspended')
  await readiness(user(), 'web', 'True', 'Suspended')
  await restored('suspend', () => virsh('start'))
  await virsh('undefine', '--managed-save')
  const lost = await readiness(user(), 'web', 'False', 'ChangedOnHost')
  expect(lost.status).toMatchObject({ vmState: 'stopped', powerState: 'NOSTATE' })
  await restored('start', () => wish('Running'))
})

it('half of its memory, where it shall be Suspended, for the host lost its power meanwhile: recorded, and it boots when it is to run', async () => {
  await wish('Suspended')
  await readiness(user(), 'web', 'True', 'Suspended')
  // What libvirt writes first, and last makes whole.
  const file = `/var/lib/libvirt/qemu/save/${domain}.save`
  await host().exec(['sh', '-c', `printf LibvirtQemudPart | dd of=${file} conv=notrunc status=none`])
  await restartLibvirtd()
  const lost = await readiness(user(), 'web', 'False', 'ChangedOnHost')
  expect(lost.status).toMatchObject({ vmState: 'stopped' })
  await bootedOnce(() => restored('start', () => wish('Running')))
})

it('a QEMU that hangs does not hold up a stop: its power is taken away when the time is over', async () => {
  const qemu = host().qemu(domain)
  expect(qemu && signal(qemu, 'SIGSTOP')).toBe(true)
  await wish('Stopped')
  await readiness(user(), 'web', 'True', 'Stopped')
  expect(qemu && isAlive(qemu)).toBe(false)
  await bootedOnce(() => restored('start', () => wish('Running')))
})

it('a disk that is not there is waited for: no empty one takes its place', async () => {
  const { metadata } = await user().get('server', 'web')
  const disk = `/var/lib/kubenova/instances/${metadata.uid}/disk`
  await host().exec(['mv', disk, '/var/lib/kubenova/away'])
  await virsh('destroy')
  await readiness(user(), 'web', 'False', 'DiskMissing')
  await expect(host().exec(['test', '-e', disk])).rejects.toThrow()
  await bootedOnce(() => restored('start', () => host().exec(['mv', '/var/lib/kubenova/away', disk])))
})
