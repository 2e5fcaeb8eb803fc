import { describe, expect, it } from 'vitest'
import { type ServerAction, Terminal, Transient } from '../../crds/index.ts'
import { ApiError } from '../../kube/errors.ts'
import { Killed, Life } from '../../test/fakes/life.ts'
import {
  Bench,
  startBenchWithActiveServer,
  startBenchWithServerInError,
  summaryOf,
  unsupportedMachine,
} from './testing.ts'

const unavailable = new ApiError({ request: 'fake', status: 503 })
const wrongImage = new Terminal('ImageChecksumMismatch', 'it is another image')
const lostBridge = new Transient('LibvirtError', 'there is no bridge br0')

interface Story {
  given(): Promise<Bench>
  when(bench: Bench): Promise<unknown>
  failures: [string, Error, number][]
}

const rescueRequest = { given: startBenchWithActiveServer, when: (b: Bench) => b.requestAction('rescue') }
const firstCreation = { given: async () => new Bench(), when: (b: Bench) => b.create() }
const startOfUnbuilt = {
  given: () => startBenchWithServerInError('define', 'Running'),
  when: (b: Bench) => b.requestAction('start'),
}

const stories: Record<string, Story> = {
  'a rescue that is refused': { ...rescueRequest, failures: [['rescueDisks.create', wrongImage, 1]] },
  'a rescue that fails': { ...rescueRequest, failures: [['domains.start', unsupportedMachine, 1]] },
  'a hard reboot that fails': {
    given: startBenchWithActiveServer,
    when: (b) => b.requestAction('reboot', { type: 'HARD' }),
    failures: [['domains.start', unsupportedMachine, 1]],
  },
  'a crash dump that fails': {
    given: startBenchWithActiveServer,
    when: (b) => b.requestAction('trigger_crash_dump'),
    failures: [['domains.injectNmi', unsupportedMachine, 1]],
  },
  'a password change that fails': {
    given: startBenchWithActiveServer,
    when: (b) => b.requestAction('changePassword', { passwordSecret: { name: 'web-password' } }),
    failures: [['guestAgent.setPassword', unsupportedMachine, 1]],
  },
  'a requested start whose creation fails': {
    ...startOfUnbuilt,
    failures: [['domains.define', unsupportedMachine, 1]],
  },
  'a requested start whose creation this host cannot do': {
    ...startOfUnbuilt,
    failures: [['domains.define', lostBridge, 3]],
  },
  'a creation that fails': { ...firstCreation, failures: [['domains.define', unsupportedMachine, 1]] },
  'a stop that fails': {
    given: startBenchWithActiveServer,
    when: (b) => b.setDesiredPower('Stopped'),
    failures: [['domains.requestShutdown', unsupportedMachine, 1]],
  },
}

function newFailingLife({ failures }: Story): Life {
  const life = new Life()
  for (const [call, error, times] of failures) life.fail(call, error, { times })
  return life
}

async function startStory({ given, when }: Story): Promise<Bench> {
  const bench = await given()
  await when(bench)
  return bench
}

/** Action records have names such as web-1; the user's ServerAction has not. */
const requestPhaseOf = (bench: Bench): string | undefined =>
  bench.api.list<ServerAction>('serveractions').find(({ metadata }) => !/^web-\d/.test(metadata.name))?.status?.phase

const faultIn = ({ status: { fault, hostRejection, mode } }: Bench): object => ({
  fault: fault?.details,
  rejection: hostRejection?.reason,
  mode,
})

const endOf = (bench: Bench): object => ({
  summary: summaryOf(bench),
  ...faultIn(bench),
  lastCompletedAction: bench.status.lastCompletedAction,
  records: bench.recordSummaries,
  boots: bench.machine.boots,
})

/**
 * Whether the test killed the agent during `work`. A kill planned for after a certain call does not happen if that call
 * fails.
 */
const isKilled = (work: Promise<unknown>): Promise<boolean> =>
  work.then(
    () => false,
    (error: unknown) => {
      if (error instanceof Killed) return true
      throw error
    },
  )

const hasFailed = (bench: Bench): boolean => requestPhaseOf(bench) === 'Failed'

describe.each(Object.entries(stories))('%s', (_, story) => {
  it('ends the same after an error of the API server at any write', async () => {
    const bench = await startStory(story)
    const { life } = await bench.reconcileUntilSettled(bench.startAgent(newFailingLife(story)))
    const end = endOf(bench)
    for (const [at, name] of life.effects.entries())
      for (const side of name.includes('/') ? (['before', 'after'] as const) : []) {
        const again = await startStory(story)
        await again.reconcileUntilSettled(again.startAgent(newFailingLife(story).failAt(at, unavailable, side)))
        expect(again.reopenedRecords, `${side} ${name}`).toEqual([])
        expect(endOf(again), `${side} ${name}`).toEqual(end)
      }
  })

  it('keeps its result after a crash of the agent at any effect, also when nothing would fail any more', async () => {
    const bench = await startStory(story)
    const { life } = await bench.reconcileUntilSettled(bench.startAgent(newFailingLife(story)))
    const end = endOf(bench)
    for (const [at, name] of life.effects.entries())
      for (const side of ['before', 'after'] as const) {
        const again = await startStory(story)
        const dying = again.startAgent(newFailingLife(story).killAt(at, side))
        if (!(await isKilled(again.reconcileUntilSettled(dying)))) continue
        const hadFailed = hasFailed(again)
        await again.reconcileUntilSettled()
        expect(again.reopenedRecords, `${side} ${name}`).toEqual([])
        expect(again.machine.domain?.runsFrom === 'rescue disk', `${side} ${name}`).toBe(
          again.status.mode === 'rescued',
        )
        if (hadFailed) expect(endOf(again), `${side} ${name}`).toEqual(end)
      }
  })
})

it('a request that the controller has failed meanwhile is completed, and keeps its result', async () => {
  const bench = await startBenchWithActiveServer()
  const uid = await bench.requestAction('reboot', { type: 'HARD' })
  const status = { phase: 'Failed', message: 'the host is down' } as const
  await bench.actions.apply(
    { metadata: { namespace: 'demo', name: 'reboot-1' }, status },
    { fieldManager: 'kubenova-admission' },
  )
  const forbidden = new ApiError({ request: 'fake', status: 403 })
  const agent = bench.startAgent(new Life().fail('apply serveractions', forbidden, { times: Infinity }))
  await bench.reconcileUntilSettled(agent)
  expect(bench.recordSummaries).toEqual(['create Succeeded', 'reboot Failed'])
  expect(bench.status).toMatchObject({ vmState: 'active', lastCompletedAction: uid })
})
