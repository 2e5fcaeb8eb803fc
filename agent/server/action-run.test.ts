import { describe, expect, it } from 'vitest'
import type { StepStatus } from '../../crds/index.ts'
import { ActionRun, ActionRuns, type Clocks } from './action-run.ts'
import type { Planned } from './plan.ts'
import { placedServer } from './testing.ts'

const planned: Planned = { action: 'stop', params: {}, id: 'stop:u1:1' }
const EPOCH = Date.parse('2026-01-01T00:00:00Z')

class FakeClocks implements Clocks {
  ms = 1_000_000
  /** Milliseconds by which the wall clock is wrong. */
  skew = 0
  monotonic = (): number => this.ms
  wall = (): string => new Date(EPOCH + this.ms - 1_000_000 + this.skew).toISOString()
}

function newRun(clocks = new FakeClocks(), steps?: StepStatus[]): ActionRun {
  const subject = { server: placedServer(), observed: { power: 'running' } as const }
  return new ActionRun(planned, subject, clocks, steps && { startTime: '2025-12-31T23:59:00Z', steps })
}

describe('ActionRun', () => {
  it('counts the time of a step from its first try', () => {
    const clocks = new FakeClocks()
    const run = newRun(clocks)
    expect(run.tryStep('shutdown')).toBe(0)
    clocks.ms += 3000
    expect(run.tryStep('shutdown')).toBe(3000)
    run.startOver()
    expect(run.tryStep('shutdown')).toBe(3000)
  })

  it('counts the time of a finished step from zero when it is tried again', () => {
    const clocks = new FakeClocks()
    const run = newRun(clocks)
    run.tryStep('shutdown')
    clocks.ms += 3000
    expect(run.finishStep('shutdown')).toBe(3000)
    expect(run.next).toBe(1)
    expect(run.tryStep('shutdown')).toBe(0)
  })

  it('counts the time of a step from the first try of an earlier process', () => {
    const run = newRun(new FakeClocks(), [{ name: 'shutdown', startedAt: '2025-12-31T23:59:30Z' }])
    expect(run.tryStep('shutdown')).toBe(30_000)
    expect(run.startTime).toBe('2025-12-31T23:59:00Z')
  })

  it('counts from now when the clock was set back since the first try', () => {
    const clocks = new FakeClocks()
    clocks.skew = -3_600_000
    const run = newRun(clocks, [{ name: 'shutdown', startedAt: '2025-12-31T23:59:30Z' }])
    expect(run.tryStep('shutdown')).toBe(0)
  })

  it('isRecorded is true when a step has taken five seconds, and not before', () => {
    const clocks = new FakeClocks()
    const run = newRun(clocks)
    run.tryStep('shutdown')
    clocks.ms += 4999
    expect(run.isRecorded).toBe(false)
    clocks.ms += 1
    expect(run.isRecorded).toBe(true)
  })

  it('isRecorded is false for many short steps', () => {
    const clocks = new FakeClocks()
    const run = newRun(clocks)
    for (const name of ['fetch-image', 'prepare', 'define', 'start']) {
      run.tryStep(name)
      clocks.ms += 3000
      run.finishStep(name)
    }
    expect(run.isRecorded).toBe(false)
  })

  it('isRecorded is true at once when an earlier process began the run', () => {
    expect(newRun(new FakeClocks(), []).isRecorded).toBe(true)
  })

  it('lists its steps with their times and progress', () => {
    const clocks = new FakeClocks()
    const run = newRun(clocks)
    run.tryStep('fetch-image')
    run.noteProgress('fetch-image', 'half of it')
    clocks.ms += 7000
    run.finishStep('fetch-image')
    run.tryStep('prepare')
    expect(run.steps).toEqual([
      {
        name: 'fetch-image',
        startedAt: '2026-01-01T00:00:00.000Z',
        finishedAt: '2026-01-01T00:00:07.000Z',
        progress: 'half of it',
      },
      { name: 'prepare', startedAt: '2026-01-01T00:00:07.000Z' },
    ])
  })

  it('works on the spec that it began with', () => {
    const run = newRun()
    const newer = placedServer({ desired: 'Paused', generation: 2, status: { vmState: 'active' } })
    expect(run.withOwnSpec(newer)).toMatchObject({
      metadata: { generation: 1 },
      spec: { powerState: 'Running' },
      status: { vmState: 'active' },
    })
  })
})

describe('ActionRuns', () => {
  const makeWaitingRun = (plannedAction: Planned = planned): ActionRun => {
    const run = new ActionRun(
      plannedAction,
      { server: placedServer(), observed: { power: 'running' } },
      new FakeClocks(),
    )
    run.isWaiting = true
    return run
  }

  it('returns only a run with a step that runs in the background', () => {
    const runs = new ActionRuns()
    expect(runs.getUnfinishedRun('demo/web-1', placedServer())).toBeUndefined()
    const run = makeWaitingRun()
    runs.set('demo/web-1', run)
    expect(runs.getUnfinishedRun('demo/web-1', placedServer())).toBe(run)
    run.startOver()
    expect(runs.getUnfinishedRun('demo/web-1', placedServer())).toBeUndefined()
    expect(runs.get('demo/web-1', planned)).toBe(run)
    expect(runs.get('demo/web-1', { ...planned, id: 'start:u1:2' })).toBeUndefined()
  })

  it('returns no waiting run when the server is another one of the same name', () => {
    const runs = new ActionRuns()
    runs.set('demo/web-1', makeWaitingRun())
    const server = placedServer()
    const other = { ...server, metadata: { ...server.metadata, uid: 'u2' } }
    expect(runs.getUnfinishedRun('demo/web-1', other)).toBeUndefined()
    expect(runs.ofServer('demo/web-1', other)).toBeUndefined()
    expect(runs.ofServer('demo/web-1', server)).toBeDefined()
  })

  it('returns no waiting run when the server is terminating', () => {
    const runs = new ActionRuns()
    runs.set('demo/web-1', makeWaitingRun())
    expect(runs.getUnfinishedRun('demo/web-1', placedServer({ deleting: true }))).toBeUndefined()
  })

  it('returns no waiting run when the request is not admitted any more', () => {
    const runs = new ActionRuns()
    const request = { name: 'r', uid: 'r1', admittedAt: 'now' }
    runs.set('demo/web-1', makeWaitingRun({ ...planned, request }))
    const activeAction = { ...request, action: 'reboot' }
    expect(runs.getUnfinishedRun('demo/web-1', placedServer({ status: { activeAction } }))).toBeDefined()
    expect(runs.getUnfinishedRun('demo/web-1', placedServer())).toBeUndefined()
  })
})
