import { describe, expect, it } from 'vitest'
import { guestOf, situations } from '../../actions/testing.ts'
import { Bug, NotFound, Refused, Terminal, Transient } from '../../crds/index.ts'
import { FakeHost } from '../../test/fakes/host.ts'
import { Life } from '../../test/fakes/life.ts'
import type { Planned } from './plan.ts'
import { failureOf, runAction } from './run.ts'

const create: Planned = { action: 'create', params: {}, id: 'm1' }

function runOn(host: FakeHost, life: Life, { planned = create, signal = new AbortController().signal } = {}) {
  const [steps, messages]: [string[], string[]] = [[], []]
  const options = {
    host: host.of(life),
    guest: guestOf(),
    signal,
    progress: (message: string) => void messages.push(message),
    onStep: (name: string, seconds: number) => {
      expect(seconds).toBeGreaterThanOrEqual(0)
      steps.push(name)
    },
    shutdownTimeout: 60,
    now: () => 0,
    wait: async () => undefined,
  }
  return { steps, messages, result: runAction(planned, options) }
}

describe('runAction', () => {
  it('does the steps in order and tells of each', async () => {
    const { steps, messages, result } = runOn(new FakeHost(), new Life())
    expect(await result).toBeUndefined()
    expect(steps).toEqual(['fetch-image', 'prepare', 'define', 'start'])
    expect(messages).toEqual(['half of the image is here'])
  })

  it('ends at the step that fails, and names it', async () => {
    const error = new Terminal('UnsupportedHardware', 'no q99', { cause: new Error('unsupported configuration') })
    const { steps, result } = runOn(new FakeHost(), new Life().fail('domains.define', error))
    expect(await result).toEqual({
      code: 'UnsupportedHardware',
      message: 'define: no q99: unsupported configuration',
      final: true,
    })
    expect(steps).toEqual(['fetch-image', 'prepare', 'define'])
  })

  it('gives the parameters and the boot ID to the steps', async () => {
    const host = await situations.active[0]!()
    const { result } = runOn(host, new Life(), { planned: { action: 'reboot', params: { type: 'SOFT' }, id: 'm7' } })
    await result
    expect(host.machine('uid-web').boots).toEqual(['m0', 'm7'])
  })

  it('told to stop: that is thrown, and is no failure of the action', async () => {
    const stop = new AbortController()
    const life = new Life().fail('domains.define', new Transient('AgentStopping', 'the call was given up'))
    const { steps, result } = runOn(new FakeHost(), life, { signal: stop.signal })
    stop.abort(new Error('the server is to be deleted'))
    await expect(result).rejects.toThrow('the server is to be deleted')
    expect(steps.length).toBeLessThan(4)
  })
})

describe('failureOf', () => {
  it('is as long as a record takes, whatever QEMU had to say', () => {
    const message = 'QEMU said a lot. '.repeat(5000)
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
})
