import { Value } from 'typebox/value'
import { describe, expect, it } from 'vitest'
import { type ActionName, actions, serverAction } from '../../actions/index.ts'
import type { Server, ServerAction } from '../../crds/index.ts'
import {
  changeRecord,
  type EndedAction,
  endedStatus,
  recordName,
  requestRecord,
  runningStatus,
} from './action-record.ts'
import type { Planned } from './plan.ts'
import type { Failure } from './status.ts'

const server: Server = {
  apiVersion: 'compute.kubenova.io/v1alpha1',
  kind: 'Server',
  metadata: { name: 'web', namespace: 'demo', uid: 'u1' },
  spec: { flavor: 'tiny', configDrive: true, networks: [], powerState: 'Running', locked: false },
}
const planned: Planned = { action: 'stop', params: {}, id: 'stop:u1:2' }
const times = { startTime: '2026-01-01T00:00:00Z', finishTime: '2026-01-01T00:00:09Z' }
const ended = (more: Partial<EndedAction> = {}): EndedAction => ({ planned, host: 'h1', ...times, ...more })
const failure: Failure = { code: 'LibvirtError', message: 'shutdown: libvirt is busy', final: true }

describe('changeRecord', () => {
  const endedRecord = (action: EndedAction): ReturnType<typeof changeRecord> =>
    changeRecord(server, 5, action, endedStatus(action))

  it('is named by its number, owned by its server, and has the result of the action', () => {
    expect(endedRecord(ended())).toMatchObject({
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

  it('has the failure as message and traceback when the action failed', () => {
    const { status } = endedRecord(ended({ failure }))
    expect(status).toMatchObject({
      phase: 'Failed',
      message: failure.message,
      events: [{ result: 'Error', traceback: failure.message }],
    })
  })

  it('fits the schema of the API for every action, while it runs and when it has ended', () => {
    const steps = [{ name: 'shutdown', startedAt: times.startTime, progress: 'the guest was asked' }]
    for (const name of Object.keys(actions) as ActionName[])
      for (const more of [{}, { failure }]) {
        const action = ended({ planned: { action: name, params: {}, id: 'm' }, steps, ...more })
        for (const status of [runningStatus(action), endedStatus(action)])
          expect([...Value.Errors(serverAction.status, status)], name).toEqual([])
      }
  })

  it('has a valid name when the server’s name is long', () => {
    const long = { ...server, metadata: { ...server.metadata, name: 'x'.repeat(200) } }
    expect(recordName(long, 999_999).length).toBeLessThanOrEqual(253)
  })
})

describe('requestRecord', () => {
  const request = { name: 'reboot-1', uid: 'd1', admittedAt: '2025-12-31T23:59:00Z' }
  const reboot = ended({ planned: { action: 'reboot', params: { type: 'HARD' }, id: 'd1', request } })

  it('has the uid of the request, and no spec', () => {
    const end = requestRecord(server, request, endedStatus(reboot))
    expect(end.metadata).toMatchObject({ name: 'reboot-1', uid: 'd1', namespace: 'demo' })
    expect(end).not.toHaveProperty('spec')
  })

  it('has the admission as start time, and the agent’s start in its event', () => {
    const status = requestRecord(server, request, endedStatus(reboot)).status as NonNullable<ServerAction['status']>
    expect(status).toMatchObject({ startTime: request.admittedAt, finishTime: times.finishTime })
    expect(status.events).toMatchObject([{ event: 'compute_reboot_instance', startTime: times.startTime }])
  })
})

describe('endedStatus', () => {
  it('has the steps of an action that lasted, and none of a short one', () => {
    const steps = [{ name: 'shutdown', startedAt: times.startTime, finishedAt: times.finishTime }]
    expect(endedStatus(ended({ steps })).steps).toEqual(steps)
    expect(endedStatus(ended())).not.toHaveProperty('steps')
  })
})
