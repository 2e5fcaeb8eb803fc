import { hostname } from 'node:os'
import { describe, expect, it } from 'vitest'
import type { Server, ServerAction } from '../../crds/index.ts'
import { annotationWith, recentRequestsOf, withRequests } from './recent-requests.ts'

const ANNOTATION = 'compute.kubenova.io/recent-requests'
const serverWith = (text: string): Server => ({ metadata: { name: 's', annotations: { [ANNOTATION]: text } } }) as never
const request = (action: string, time: string): object => ({ action, requestId: `req-${time}`, user: 'u', time })
const record = (action: string, startTime: string, requestId?: string): ServerAction =>
  ({ metadata: { name: 'r' }, spec: { server: 's', action, requestId }, status: { startTime } }) as never

const at = (second: number): string => `2026-01-01T00:00:${String(second).padStart(2, '0')}.000Z`

describe('recentRequestsOf', () => {
  it.each(['', 'x', '{}', '[1]', '[{"action":"stop"}]', '[{"action":"a","requestId":"b","user":"c","time":"d"}]'])(
    'ignores an annotation that a user has made %j',
    (text) => {
      expect(recentRequestsOf(serverWith(text))).toEqual([])
    },
  )
})

describe('annotationWith', () => {
  it('keeps the last ten requests', () => {
    const old = Array.from({ length: 10 }, (_, i) => request('stop', at(i)))
    const annotation = annotationWith(serverWith(JSON.stringify(old)), 'start', {
      requestId: 'req-new',
      caller: { user: { id: 'me' }, project: { id: 'p' } } as never,
      services: { clock: { wall: () => new Date(at(30)) } },
    })
    const kept = JSON.parse(annotation[ANNOTATION] ?? '') as object[]
    expect(kept).toHaveLength(10)
    expect(kept[0]).toEqual(old[1])
    expect(kept[9]).toEqual({
      action: 'start',
      requestId: 'req-new',
      user: 'me',
      project: 'p',
      host: hostname(),
      time: at(30),
    })
  })
})

describe('withRequests', () => {
  it('gives each record the last request for its action before it, and each request to one record', () => {
    const server = serverWith(
      JSON.stringify([request('stop', at(1)), request('start', at(5)), request('stop', at(10))]),
    )
    const records = [
      record('stop', at(2)),
      record('start', at(6)),
      record('stop', at(11)),
      record('stop', at(20)),
      record('reboot', at(21), 'req-own'),
    ]
    expect(withRequests(records, server).map(({ spec }) => spec.requestId)).toEqual([
      `req-${at(1)}`,
      `req-${at(5)}`,
      `req-${at(10)}`,
      undefined,
      'req-own',
    ])
  })

  it('gives no request that was made after the record', () => {
    const server = serverWith(JSON.stringify([request('stop', at(10))]))
    expect(withRequests([record('stop', at(2))], server)[0]?.spec.requestId).toBeUndefined()
  })
})
