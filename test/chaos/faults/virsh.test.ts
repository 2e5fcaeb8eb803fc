// Changes that an administrator makes with virsh, one test per row of docs/guide/virsh.md. The agent must learn of them
// from libvirt's events: its full comparison of domains and Servers runs only once a day here.
import { beforeAll, expect, it } from 'vitest'
import type { Server } from '../../../crds/index.ts'
import { conditionOf, withCloud } from '../../e2e/user.ts'
import { isAlive, signalProcess } from '../../rig/process.ts'
import { waitUntil } from '../../rig/wait-until.ts'
import { countSucceeded, restartAgent, waitForReadiness } from './faults.ts'

const user = withCloud()
const DAY = String(86_400)

let domain = ''
const host = () => user().cloud.host('h1')
const virsh = (command: string, ...args: string[]) => host().virsh(command, domain, ...args)
const domainState = async () => (await virsh('domstate')).trim()
const waitForDomainState = (power: string) =>
  waitUntil(async () => (await domainState()) === power, { what: `the domain to be ${power}`, every: 50 })
const setPowerState = (powerState: string) => user().patch('server', 'web', { spec: { powerState } })
const countSucceededActions = (action: string) => countSucceeded(user(), 'web', action)
async function restartLibvirtd(): Promise<void> {
  await host().killLibvirtd()
  await host().startLibvirtd()
  await user().cloud.waitUntilReady('agent-h1')
}
async function triggerReconcileAndWait(): Promise<void> {
  await user().patch('server', 'web', { spec: { displayName: `reconcile ${Date.now()}` } })
  const isObserved = ({ status, metadata }: Server) => status?.observedGeneration === metadata.generation
  await user().waitForServer('web', 'observed', isObserved)
}
const countBoots = async () =>
  user()
    .consoleOf(await user().get('server', 'web'))
    .split('KUBENOVA-GUEST').length - 1

/** Waits until the server is Ready again after `act`. The agent must have run `action` exactly once. */
async function expectRestoredBy(action: string, act: () => Promise<unknown>): Promise<void> {
  const before = await countSucceededActions(action)
  await act()
  await waitUntil(async () => (await countSucceededActions(action)) > before, {
    what: `another ${action}`,
    deadline: 120_000,
    every: 100,
  })
  await user().waitUntilReady('web')
  expect(await countSucceededActions(action)).toBe(before + 1)
}

async function expectOneBoot(act: () => Promise<unknown>): Promise<void> {
  const before = await countBoots()
  await act()
  await user().waitForBoot(await user().get('server', 'web'), before + 1)
}

beforeAll(async () => {
  // A guest that is still booting ignores a shutdown request. The shutdown timeout is short, so that the agent soon
  // destroys the domain of such a guest.
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
  await user().createServer('web')
  const server = await user().waitUntilReady('web')
  domain = server.status?.domain?.name ?? ''
  await user().waitForBoot(server)
})

it('reports a guest that virsh suspended, and no action when virsh resumes it', async () => {
  await virsh('suspend')
  const paused = await waitForReadiness(user(), 'web', 'False', 'ChangedOnHost')
  expect(paused.status).toMatchObject({ vmState: 'paused', powerState: 'Paused' })
  expect(conditionOf(paused, 'Ready')?.message).toMatch(/paused \(user\), not running: it was changed on the host/)
  await virsh('resume')
  await user().waitUntilReady('web')
  expect(await countSucceededActions('unpause')).toBe(0)
})

it('reports a guest that virsh saved, and no action or boot when virsh starts it', async () => {
  const before = await countBoots()
  await virsh('managedsave')
  const saved = await waitForReadiness(user(), 'web', 'False', 'ChangedOnHost')
  expect(saved.status).toMatchObject({ vmState: 'suspended', powerState: 'Shutdown' })
  await virsh('start')
  await user().waitUntilReady('web')
  expect(await countBoots()).toBe(before)
  expect(await countSucceededActions('start')).toBe(0)
})

it('starts a guest again that virsh destroyed', () =>
  expectOneBoot(() => expectRestoredBy('start', () => virsh('destroy'))))

it('defines and starts a guest again, from the same disk, that virsh destroyed and undefined', () =>
  expectOneBoot(() => expectRestoredBy('start', () => host().virsh(`destroy ${domain}; undefine ${domain}`))))

it('keeps a running guest that virsh undefined, and defines it again at its next boot', async () => {
  await virsh('undefine')
  await virsh('dominfo').then((info) => expect(info).toMatch(/Persistent:\s+no/))
  await user().patch('server', 'web', { spec: { displayName: 'still here' } })
  await user().waitUntilReady('web')
  await expectRestoredBy('start', () => virsh('destroy'))
  expect(await virsh('dominfo')).toMatch(/Persistent:\s+yes/)
})

it('takes no action when virsh resets or reboots a guest', async () => {
  const before = await countSucceededActions('start')
  for (const command of ['reset', 'reboot']) await expectOneBoot(() => virsh(command))
  await user().waitUntilReady('web')
  expect(await countSucceededActions('start')).toBe(before)
  expect(await countSucceededActions('reboot')).toBe(0)
})

it('reports a guest that virsh saved to a file, and boots it from its disk when a start is requested', async () => {
  const before = await countSucceededActions('start')
  await virsh('save', '/var/lib/libvirt/web.save')
  const saved = await waitForReadiness(user(), 'web', 'False', 'ChangedOnHost')
  expect(saved.status).toMatchObject({ vmState: 'stopped', domain: { reason: 'saved' } })
  expect(await countSucceededActions('start')).toBe(before)
  await expectOneBoot(async () => expect((await user().runAction('web', 'start')).status?.phase).toBe('Succeeded'))
  await user().waitUntilReady('web')
})

it('reports a guest that virsh shut down as a shutdown by the guest', async () => {
  await virsh('shutdown')
  const off = await waitForReadiness(user(), 'web', 'False', 'GuestShutdown')
  expect(off.status).toMatchObject({ vmState: 'stopped', powerState: 'Shutdown' })
  expect(await domainState()).toBe('shut off')
})

it('keeps a guest off that was shut down when libvirtd restarts and has forgotten the reason', async () => {
  const before = await countSucceededActions('start')
  await restartLibvirtd()
  expect(await virsh('domstate', '--reason')).toContain('shut off (unknown)')
  await triggerReconcileAndWait()
  await waitForReadiness(user(), 'web', 'False', 'GuestShutdown')
  expect(await domainState()).toBe('shut off')
  expect(await countSucceededActions('start')).toBe(before)
})

it('stops a guest that virsh started although it is to be Stopped', async () => {
  await setPowerState('Stopped')
  await user().waitUntilReady('web')
  await expectRestoredBy('stop', () => virsh('start'))
  expect(await domainState()).toBe('shut off')
})

it('stays Ready when virsh undefines a Stopped guest, and defines it again when it is to run', async () => {
  await virsh('undefine')
  await waitForReadiness(user(), 'web', 'True', 'Stopped')
  await expectRestoredBy('start', () => setPowerState('Running'))
})

it('pauses a guest again that virsh resumed or destroyed although it is to be Paused', async () => {
  await setPowerState('Paused')
  await waitForReadiness(user(), 'web', 'True', 'Paused')
  await expectRestoredBy('pause', () => virsh('resume'))
  expect(await domainState()).toBe('paused')
  await expectRestoredBy('start', () => virsh('destroy'))
  await waitForDomainState('paused')
})

it('suspends a guest again that virsh started, and reports the lost memory of one that virsh undefined', async () => {
  await setPowerState('Running')
  await user().waitUntilReady('web')
  await setPowerState('Suspended')
  await waitForReadiness(user(), 'web', 'True', 'Suspended')
  await expectRestoredBy('suspend', () => virsh('start'))
  await virsh('undefine', '--managed-save')
  const lost = await waitForReadiness(user(), 'web', 'False', 'ChangedOnHost')
  expect(lost.status).toMatchObject({ vmState: 'stopped', powerState: 'NOSTATE' })
  await expectRestoredBy('start', () => setPowerState('Running'))
})

it('reports an incomplete managed save after a power loss of the host, and boots the guest when it is to run', async () => {
  await setPowerState('Suspended')
  await waitForReadiness(user(), 'web', 'True', 'Suspended')
  // libvirt marks a save file as partial until it is complete. With this mark, the save seems to have failed.
  const file = `/var/lib/libvirt/qemu/save/${domain}.save`
  await host().exec(['sh', '-c', `printf LibvirtQemudPart | dd of=${file} conv=notrunc status=none`])
  await restartLibvirtd()
  const lost = await waitForReadiness(user(), 'web', 'False', 'ChangedOnHost')
  expect(lost.status).toMatchObject({ vmState: 'stopped' })
  await expectOneBoot(() => expectRestoredBy('start', () => setPowerState('Running')))
})

it('stops a guest whose QEMU hangs when the shutdown timeout is over', async () => {
  const qemu = host().qemuOf(domain)
  expect(qemu && signalProcess(qemu, 'SIGSTOP')).toBe(true)
  await setPowerState('Stopped')
  await waitForReadiness(user(), 'web', 'True', 'Stopped')
  expect(qemu && isAlive(qemu)).toBe(false)
  await expectOneBoot(() => expectRestoredBy('start', () => setPowerState('Running')))
})

it('waits for a missing disk and does not create an empty one', async () => {
  const { metadata } = await user().get('server', 'web')
  const disk = `/var/lib/kubenova/instances/${metadata.uid}/disk`
  await host().exec(['mv', disk, '/var/lib/kubenova/away'])
  await virsh('destroy')
  await waitForReadiness(user(), 'web', 'False', 'DiskMissing')
  await expect(host().exec(['test', '-e', disk])).rejects.toThrow()
  await expectOneBoot(() => expectRestoredBy('start', () => host().exec(['mv', '/var/lib/kubenova/away', disk])))
})
