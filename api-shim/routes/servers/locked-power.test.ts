import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Server } from '../../../crds/index.ts'
import type { Write } from '../../../test/fakes/api.ts'
import { servers } from '../../state/stores.ts'
import { TestShim } from '../../testing.ts'

let shim: TestShim
let server: Server
let writes: Write[]

const ref = { name: 's', namespace: 'mine' }
const path = () => `/compute/v2.1/servers/${server.metadata.uid}`
const stop = () => shim.ask('POST', `${path()}/action`, { as: 'admin', body: { 'os-stop': null } })
const specOf = ({ after }: Write): unknown => after?.spec

beforeEach(async () => {
  writes = []
  shim = await new TestShim({ onWrite: (write) => void writes.push(write) }).start()
  server = await shim.seed<Server>(servers.kind, {
    metadata: { ...ref, finalizers: ['compute.kubenova.io/host'] },
    spec: { flavor: 'f', image: { name: 'i' }, powerState: 'Running', locked: true, lockedReason: 'release of May' },
    status: { host: 'host-1', vmState: 'active', powerState: 'Running', launchedAt: '2026-01-02T03:01:06Z' },
  })
  writes = []
})
afterEach(() => shim[Symbol.asyncDispose]())

describe('os-stop of a locked server by an administrator', () => {
  it('stops it in one write, which says that the lock is ignored', async () => {
    const answer = await stop()
    expect(answer.status).toBe(202)
    expect(writes.map(specOf)).toMatchObject([{ powerState: 'Stopped', locked: true, lockedReason: 'release of May' }])
    expect(writes[0]?.after?.metadata.annotations).toMatchObject({
      'compute.kubenova.io/ignore-lock': answer.headers['x-openstack-request-id'],
    })
  })

  it.each([
    [
      'keeps a lock that changes before the stop',
      { lockedReason: 'release of June' },
      { locked: true, lockedReason: 'release of June' },
    ],
    [
      'does not lock a server that is unlocked before the stop',
      { locked: false, lockedReason: null },
      { locked: false },
    ],
  ])('%s', async (_, spec, lock) => {
    shim.interfere([{ spec }])
    expect((await stop()).status).toBe(202)
    expect(specOf(writes.at(-1) as Write)).toMatchObject({ powerState: 'Stopped', ...lock })
  })
})

describe('DELETE of a locked server by an administrator', () => {
  it('never unlocks the server, and deletes the version that it has marked', async () => {
    expect((await shim.ask('DELETE', path(), { as: 'admin' })).status).toBe(204)
    expect(writes.map(specOf)).toMatchObject([{ locked: true }, { locked: true }])
    expect(writes.at(-1)?.after?.metadata).toMatchObject({
      annotations: { 'compute.kubenova.io/ignore-lock': 'delete' },
      deletionTimestamp: expect.any(String),
    })
  })

  it('tries again when the server changes between its mark and its deletion', async () => {
    shim.interfere([{ metadata: { labels: { changed: 'meanwhile' } } }], 'delete')
    expect((await shim.ask('DELETE', path(), { as: 'admin' })).status).toBe(204)
    expect(writes.at(-1)?.after?.metadata).toMatchObject({
      labels: { changed: 'meanwhile' },
      deletionTimestamp: expect.any(String),
    })
  })

  it('leaves a locked server if the shim ends after the mark', async () => {
    shim.life.fail('delete servers', new Error('killed'))
    await shim.ask('DELETE', path(), { as: 'admin' })
    expect(await shim.api.resource<Server>(servers.kind).get(ref)).toMatchObject({ spec: { locked: true } })
  })
})
