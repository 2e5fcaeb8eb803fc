import { describe, expect, it } from 'vitest'
import { guestOf, situations } from '../../actions/testing.ts'
import { Bug, NotFound, Refused, Terminal, Transient } from '../../crds/index.ts'
import { FakeHost } from '../../test/fakes/host.ts'
import { Life } from '../../test/fakes/life.ts'
import { ActionRun } from './action-run.ts'
import type { Planned } from './plan.ts'
import { failureOf, runSteps } from './run-steps.ts'

const create: Planned = { action: 'create', params: {}, id: 'm1' }

function prepareRun(host: FakeHost, life: Life, { planned = create, signal = new AbortController().signal } = {}) {
  const steps: string[] = []
  const guest = guestOf()
  let ms = 0
  const clocks = { monotonic: () => ms, wall: () => new Date(Date.UTC(2026, 0, 1) + ms).toISOString() }
  const run = new ActionRun(planned, { server: guest.server, observed: { power: 'missing' } }, clocks)
  const options = {
    host: host.connect(life),
    guest,
    signal,
    onStep: (name: string, seconds: number) => void steps.push(`${name} ${seconds}`),
    shutdownTimeout: 60,
  }
  return { run, steps, go: () => runSteps(run, options), pass: (byMs: number) => void (ms += byMs) }
}

describe('runSteps', () => {
  it('stops at a step that runs in the background, and continues with it', async () => {
    const { run, steps, go, pass } = prepareRun(new FakeHost(), new Life())
    expect(await go()).toEqual({
      kind: 'waiting',
      step: 'fetch-image',
      checkAfterMs: 1000,
      progress: '50 % of the image is here',
    })
    expect(steps).toEqual([])
    pass(7000)
    expect(await go()).toEqual({ kind: 'done' })
    expect(steps).toEqual(['fetch-image 7', 'prepare 0', 'define 0', 'start 0'])
    expect(run.steps.map(({ name }) => name)).toEqual(['fetch-image', 'prepare', 'define', 'start'])
  })

  it('does not repeat a finished step unless the run starts over', async () => {
    const life = new Life()
    const { run, go } = prepareRun(new FakeHost(), life)
    await go()
    await go()
    const count = (): number => life.effects.filter((name) => name.startsWith('images.fetch')).length
    expect(count()).toBe(2)
    expect(await go()).toEqual({ kind: 'done' })
    expect(count()).toBe(2)
    run.startOver()
    await go()
    expect(count()).toBe(3)
  })

  it('stops at the step that fails, and names it', async () => {
    const error = new Terminal('UnsupportedHardware', 'no q99', { cause: new Error('unsupported configuration') })
    const { steps, go } = prepareRun(new FakeHost(), new Life().fail('domains.define', error))
    await go()
    expect(await go()).toEqual({
      kind: 'failed',
      failure: {
        code: 'UnsupportedHardware',
        message: 'define: no q99: unsupported configuration',
        final: true,
      },
    })
    expect(steps).toEqual(['fetch-image 0', 'prepare 0', 'define 0'])
  })

  it('gives the parameters and the boot ID to the steps', async () => {
    const host = await situations.active[0]!()
    const { go } = prepareRun(host, new Life(), { planned: { action: 'reboot', params: { type: 'SOFT' }, id: 'm7' } })
    await go()
    expect(host.machine('uid-web').boots).toEqual(['m0', 'm7'])
  })

  it('gives a step the time since its first try', async () => {
    const host = await situations.active[1]!()
    const life = new Life()
    const { go, pass } = prepareRun(host, life, { planned: { action: 'stop', params: {}, id: 's1' } })
    expect(await go()).toEqual({ kind: 'waiting', step: 'shutdown', checkAfterMs: 5000 })
    pass(59_000)
    expect(await go()).toEqual({ kind: 'waiting', step: 'shutdown', checkAfterMs: 1000 })
    expect(life.effects).not.toContain('domains.destroy web')
    pass(1000)
    expect(await go()).toEqual({ kind: 'done' })
    expect(life.effects).toContain('domains.destroy web')
  })

  it('throws the reason of the signal, and not a failure, when it is aborted', async () => {
    const stop = new AbortController()
    const life = new Life().fail('domains.define', new Transient('AgentStopping', 'the call was given up'))
    const { steps, go } = prepareRun(new FakeHost(), life, { signal: stop.signal })
    await go()
    stop.abort(new Error('the server is to be deleted'))
    await expect(go()).rejects.toThrow('the server is to be deleted')
    expect(steps).toEqual([])
  })
})

describe('failureOf', () => {
  it('has a message that fits an action record when the error is long', () => {
    const message = 'QEMU printed a lot. '.repeat(5000)
    expect(Buffer.byteLength(failureOf('start', new Terminal('InvalidDomain', message)).message)).toBeLessThanOrEqual(
      8192,
    )
  })

  it.each([
    [new Terminal('InvalidDomain', 'a'), 'InvalidDomain', true],
    [new Refused('WrongStateDirectory', 'b'), 'WrongStateDirectory', true],
    [new Transient('DiskFull', 'c'), 'DiskFull', false],
    [new NotFound('DiskMissing', 'd'), 'DiskMissing', false],
    [new Bug('InvalidSubnet', 'e'), 'InvalidSubnet', false],
    [new TypeError('f'), 'Unexpected', false],
    ['a string', 'Unexpected', false],
  ])('%s → %s, final: %s', (error, code, final) => {
    expect(failureOf('step', error)).toMatchObject({ code, final, message: expect.stringMatching(/^step: /) })
  })

  it('rejects the host only for a fault of the host', () => {
    const missing = new Terminal('ImageFileMissing', 'no file', { isHostFault: true })
    expect(failureOf('fetch-image', missing)).toEqual({
      code: 'ImageFileMissing',
      message: 'fetch-image: no file',
      final: true,
      rejectsHost: true,
    })
    expect(failureOf('define', new Terminal('InvalidDomain', 'a'))).not.toHaveProperty('rejectsHost')
  })
})
