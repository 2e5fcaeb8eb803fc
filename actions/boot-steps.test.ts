import { expect, it } from 'vitest'
import { Transient } from '../crds/index.ts'
import { FakeHost } from '../test/fakes/host.ts'
import { Life } from '../test/fakes/life.ts'
import { prepare } from './boot-steps.ts'
import { guestOf } from './testing.ts'

it('what fails is said when nothing of it is under way any more: it may be cleaned up after', async () => {
  const disks = Promise.withResolvers<void>()
  const said: string[] = []
  const { configDrives, disks: fakeDisks, ports: fakePorts } = new FakeHost().connect(new Life())
  const host = {
    configDrives,
    disks: {
      ...fakeDisks,
      create: () => disks.promise.then(() => (said.push('disks are made'), { done: true as const })),
    },
    ports: { ...fakePorts, plug: () => Promise.reject(new Transient('BridgeMissing', 'no bridge')) },
  }
  const { signal } = new AbortController()
  const guest = guestOf()
  const input = { host, guest, params: {}, bootId: 'm', signal, shutdownTimeout: 1, elapsedMs: 0 }
  const ended = prepare.do(input).catch((error: unknown) => said.push(String(error)))
  await new Promise(setImmediate)
  expect(said).toEqual([])
  disks.resolve()
  await ended
  expect(said).toEqual(['disks are made', 'Transient: no bridge'])
})
