import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Server, ServerAction } from '../../../crds/index.ts'
import { ApiError } from '../../../kube/errors.ts'
import type { Write } from '../../../test/fakes/api.ts'
import { actions, servers } from '../../state/stores.ts'
import { type Answer, TestShim } from '../../testing.ts'

let shim: TestShim
let id: string
/** The phase that the controller gives each new ServerAction, and the Secrets that it finds at that time. */
let phase: string
let seen: number

function onWrite({ plural, before, after }: Write): void {
  if (plural !== 'serveractions' || before || !after) return
  const { name, namespace } = after.metadata
  // The fake API server calls this function during a write, so decide afterwards.
  setImmediate(() => {
    seen = secrets().length
    void shim.api
      .resource<ServerAction>(actions.kind)
      .patch({ name, namespace }, { status: { phase, message: 'busy' } })
  })
}

const secrets = (): unknown[] => shim.api.list('secrets')

beforeEach(async () => {
  phase = 'Running'
  shim = await new TestShim({ onWrite }).start()
  const { metadata } = await shim.seed<Server>(servers.kind, {
    metadata: { name: 's', namespace: 'mine' },
    spec: { flavor: 'f', image: { name: 'i' }, powerState: 'Running' },
    status: { host: 'host-1', vmState: 'active', powerState: 'Running', launchedAt: '2026-01-02T03:01:06Z' },
  })
  id = metadata.uid ?? ''
})
afterEach(() => shim[Symbol.asyncDispose]())

const change = (): Promise<Answer> =>
  shim.ask('POST', `/compute/v2.1/servers/${id}/action`, { body: { changePassword: { adminPass: 'p4ss' } } })

describe('the Secret of changePassword', () => {
  it('is deleted when the controller has admitted the request', async () => {
    expect([(await change()).status, seen, secrets()]).toEqual([202, 1, []])
  })

  it('is deleted when the controller has rejected the request', async () => {
    phase = 'Rejected'
    expect([(await change()).status, seen, secrets()]).toEqual([409, 1, []])
  })

  it('is deleted when the API server refuses the ServerAction', async () => {
    shim.life.fail('create serveractions', new ApiError({ request: 'POST', status: 403 }))
    expect([(await change()).status, secrets()]).toEqual([403, []])
  })

  it('stays when the API server does not answer, because the ServerAction may exist', async () => {
    shim.life.fail('create serveractions', new ApiError({ request: 'POST', status: 504 }), { when: 'after' })
    expect((await change()).status).toBe(503)
    expect(secrets()).toMatchObject([{ metadata: { ownerReferences: [{ kind: 'Server', uid: id }] } }])
  })

  it('stays when the controller does not decide in time', async () => {
    phase = 'Pending'
    expect([(await change()).status, secrets().length]).toEqual([202, 1])
  })

  it('does not make the request fail when it cannot be deleted', async () => {
    shim.life.fail('delete secrets', new ApiError({ request: 'DELETE', status: 403 }))
    expect([(await change()).status, secrets().length]).toEqual([202, 1])
  })
})
