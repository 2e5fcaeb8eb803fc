import { Value } from 'typebox/value'
import { describe, expect, it } from 'vitest'
import { type ActionName, actions, serverAction } from '../../actions/index.ts'
import type { Server, ServerAction } from '../../crds/index.ts'
import type { Planned } from './plan.ts'
import { changeRecord, type Ended, recordName, requestEnd } from './record.ts'
import type { Failure } from './status.ts'

const server: Server = {
  apiVersion: 'compute.kubenova.io/v1alpha1',
  kind: 'Server',
  metadata: { name: 'web', namespace: 'demo', uid: 'u1' },
  spec: { flavor: 'tiny', configDrive: true, networks: [], powerState: 'Running', locked: false },
}
const planned: Planned = { action: 'stop', params: {}, id: 'stop:u1:2' }
const times = { startTime: '2026-01-01T00:00:00Z', finishTime: '2026-01-01T00:00:09Z' }
const ended = (more: Partial<Ended> = {}): Ended => ({ planned, host: 'h1', ...times, ...more })
const failure: Failure = { code: 'LibvirtError', message: 'shutdown: libvirt is busy', final: true }

describe('the record of a change', () => {
  it('is named by the count of those before it, owned by its server, and says how it went', () => {
    expect(changeRecord(server, 4, ended())).toMatchObject({
      metadata: {
        name: 'web-5',
        namespace: 'demo',
        ownerReferences: [{ kind: 'Server', name: 'web', uid: 'u1' }],
      },
      spec: { server: 'web', action: 'stop' },
      status: {
        phase: 'Succeeded',
        host: 'h1',
        ...times,
        events: [{ event: 'compute_stop_instance', host: 'h1', result: 'Success', ...times }],
      },
    })
  })

  it('of a failure says why', () => {
    const { status } = changeRecord(server, 0, ended({ failure }))
    expect(status).toMatchObject({
      phase: 'Failed',
      message: failure.message,
      events: [{ result: 'Error', traceback: failure.message }],
    })
  })

  it('fits the API’s schema, for every action', () => {
    for (const action of Object.keys(actions) as ActionName[])
      for (const more of [{}, { failure }]) {
        const record = changeRecord(server, 0, ended({ planned: { action, params: {}, id: 'm' }, ...more }))
        expect([...Value.Errors(serverAction.status, record.status)], action).toEqual([])
      }
  })

  it('has a name that the API takes, however long the server’s', () => {
    const long = { ...server, metadata: { ...server.metadata, name: 'x'.repeat(200) } }
    expect(recordName(long, 999_999).length).toBeLessThanOrEqual(253)
  })
})

describe('requestEnd', () => {
  const request = { name: 'reboot-1', uid: 'd1', admittedAt: '2025-12-31T23:59:00Z' }
  const reboot = ended({ planned: { action: 'reboot', params: { type: 'HARD' }, id: 'd1', request } })

  it('names that very object by its uid, and leaves its spec alone', () => {
    const end = requestEnd(server, request, reboot)
    expect(end.metadata).toMatchObject({ name: 'reboot-1', uid: 'd1', namespace: 'demo' })
    expect(end).not.toHaveProperty('spec')
  })

  it('starts at the admission, and its event when the host began', () => {
    const status = requestEnd(server, request, reboot).status as NonNullable<ServerAction['status']>
    expect(status).toMatchObject({ startTime: request.admittedAt, finishTime: times.finishTime })
    expect(status.events).toMatchObject([{ event: 'compute_reboot_instance', startTime: times.startTime }])
  })
})
