import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Server } from '../../../crds/index.ts'
import { servers } from '../../state/stores.ts'
import { TestShim } from '../../testing.ts'

let shim: TestShim
let server: Server

const ref = { name: 's', namespace: 'mine' }
const readSpec = async () => (await shim.api.resource<Server>(servers.kind).get(ref)).spec
const stop = () =>
  shim.ask('POST', `/compute/v2.1/servers/${server.metadata.uid}/action`, { as: 'admin', body: { 'os-stop': null } })

beforeEach(async () => {
  shim = await new TestShim().start()
  server = await shim.seed<Server>(servers.kind, {
    metadata: ref,
    spec: { flavor: 'f', image: { name: 'i' }, powerState: 'Running', locked: true, lockedReason: 'release of May' },
    status: { host: 'host-1', vmState: 'active', powerState: 'Running', launchedAt: '2026-01-02T03:01:06Z' },
  })
})
afterEach(() => shim[Symbol.asyncDispose]())

describe('os-stop of a locked server by an administrator', () => {
  it.each([
    ['leaves the lock as it was', [], { locked: true, lockedReason: 'release of May' }],
    [
      'keeps a lock that changes before the stop',
      [{ lockedReason: 'release of June' }],
      { locked: true, lockedReason: 'release of June' },
    ],
    [
      'keeps a lock that is set during the stop',
      [undefined, { locked: true, lockedReason: 'release of June' }],
      { locked: true, lockedReason: 'release of June' },
    ],
    [
      'does not lock a server that is unlocked before the stop',
      [{ locked: false, lockedReason: null }],
      { locked: false },
    ],
  ])('%s', async (_, changes, lock) => {
    shim.interfere(...changes.map((spec) => spec && { spec }))
    expect((await stop()).status).toBe(202)
    expect(await readSpec()).toMatchObject({ powerState: 'Stopped', ...lock })
  })
})
