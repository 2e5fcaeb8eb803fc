import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Server } from '../../../crds/index.ts'
import { recentRequestsOf } from '../../state/recent-requests.ts'
import { annotationsFor } from '../../state/server-facts.ts'
import { servers } from '../../state/stores.ts'
import { TestShim } from '../../testing.ts'

let shim: TestShim
let path: string

const ref = { name: 's', namespace: 'mine' }
const read = () => shim.api.resource<Server>(servers.kind).get(ref)
const act = (action: string, as = 'member') =>
  shim.ask<{ forbidden?: { message: string } }>('POST', `${path}/action`, { as, body: { [action]: null } })

/** A change that the cache does not have yet when the shim writes. */
const adminLock = { metadata: { annotations: annotationsFor({ lockedBy: 'admin' }) }, spec: { locked: true } }

async function seedServer(spec: object): Promise<void> {
  const server = await shim.seed<Server>(servers.kind, {
    metadata: { ...ref, annotations: annotationsFor({ lockedBy: 'owner' }) },
    spec: { flavor: 'f', image: { name: 'i' }, powerState: 'Running', ...spec },
    status: { host: 'host-1', vmState: 'active', powerState: 'Running', launchedAt: '2026-01-02T03:01:06Z' },
  })
  path = `/compute/v2.1/servers/${server.metadata.uid}`
}

beforeEach(async () => {
  shim = await new TestShim().start()
})
afterEach(() => shim[Symbol.asyncDispose]())

describe('a request on a server whose change the cache does not have yet', () => {
  it('unlock refuses a member when an administrator has locked the server', async () => {
    await seedServer({ locked: true })
    shim.interfere([adminLock])
    const answer = await act('unlock')
    expect([answer.status, answer.body.forbidden?.message]).toEqual([
      403,
      "Policy doesn't allow os_compute_api:os-lock-server:unlock:unlock_override to be performed.",
    ])
    expect((await read()).spec.locked).toBe(true)
  })

  it('lock leaves the lock of an administrator as it is', async () => {
    await seedServer({ locked: false })
    shim.interfere([adminLock])
    expect((await act('lock')).status).toBe(202)
    expect((await read()).metadata.annotations).toMatchObject(annotationsFor({ lockedBy: 'admin' }))
  })

  it('lock locks a server that was unlocked meanwhile', async () => {
    await seedServer({ locked: true })
    shim.interfere([{ spec: { locked: false } }])
    expect((await act('lock')).status).toBe(202)
    expect((await read()).spec.locked).toBe(true)
  })

  it('lock keeps the record of another request', async () => {
    await seedServer({ locked: false })
    await act('os-stop')
    const { annotations } = (await read()).metadata
    await shim.api.resource<Server>(servers.kind).patch(ref, { metadata: { annotations: null } })
    await shim.waitForCache(servers.kind, await read())
    shim.interfere([{ metadata: { annotations } }])
    await act('lock')
    expect(recentRequestsOf(await read()).map(({ action }) => action)).toEqual(['stop', 'lock'])
  })

  it('DELETE refuses a member when the server has been locked', async () => {
    await seedServer({ locked: false })
    shim.interfere([adminLock])
    expect((await shim.ask('DELETE', path)).status).toBe(409)
    expect((await read()).metadata.deletionTimestamp).toBeUndefined()
  })
})
