import { describe, expect, it } from 'vitest'
import { Transient } from '../crds/index.ts'
import { FakeHost } from '../test/fakes/host.ts'
import { Life } from '../test/fakes/life.ts'
import { prepare } from './boot-steps.ts'
import { actions } from './index.ts'
import { guestOf, runOn, UID } from './testing.ts'

it('prepare fails only when none of its calls is under way any more, because the next step may remove what they make', async () => {
  const disks = Promise.withResolvers<void>()
  const log: string[] = []
  const { configDrives, disks: fakeDisks, ports: fakePorts } = new FakeHost().connect(new Life())
  const host = {
    configDrives,
    disks: {
      ...fakeDisks,
      create: () => disks.promise.then(() => (log.push('disks are made'), { done: true as const })),
    },
    ports: { ...fakePorts, plug: () => Promise.reject(new Transient('BridgeMissing', 'no bridge')) },
  }
  const { signal } = new AbortController()
  const guest = guestOf()
  const input = { host, guest, params: {}, bootId: 'm', signal, shutdownTimeout: 1, elapsedMs: 0 }
  const end = prepare.do(input).catch((error: unknown) => log.push(String(error)))
  await new Promise(setImmediate)
  expect(log).toEqual([])
  disks.resolve()
  await end
  expect(log).toEqual(['disks are made', 'Transient: no bridge'])
})

describe('reboot', () => {
  const hard = { action: actions.reboot, params: { type: 'HARD' }, bootId: 'r1' }

  it('leaves a guest running that could not be booted again', async () => {
    const host = new FakeHost()
    await runOn(host, { action: actions.create })
    host.machine(UID).disks = false
    const life = new Life()
    await expect(runOn(host, { ...hard, life })).rejects.toMatchObject({ code: 'DiskMissing' })
    expect(life.effects).toEqual([])
    expect(host.observe(UID).power).toBe('running')
  })

  it('makes missing disks of a server that does not run', async () => {
    const host = new FakeHost()
    await runOn(host, hard)
    expect(host.observe(UID).power).toBe('running')
  })
})
