import { expect, it } from 'vitest'
import type { Hypervisor } from '../crds/index.ts'
import { noLog } from '../kube/log.ts'
import { FakeClock } from '../kube/testing/fake-clock.ts'
import type { AgentComponents } from './components.ts'
import { placedServer } from './server/testing.ts'
import { logVersionSkew, newServerHandlers, probeFactsUntilKnown } from './watches.ts'

function startReconcile() {
  const reconcile = new AbortController()
  const collected: string[] = []
  const handlers = newServerHandlers({
    running: new Map([['demo/web-1', reconcile]]),
    collectDeleted: async ({ uid }) => void collected.push(uid),
    log: noLog,
  })
  return { handlers, collected, signal: reconcile.signal }
}

it('aborts the reconcile of a Server when its deletion begins', () => {
  const { handlers, signal } = startReconcile()
  handlers.updated(placedServer(), placedServer({ generation: 2 }))
  expect(signal.aborted).toBe(false)
  handlers.updated(placedServer(), placedServer({ deleting: true }))
  expect(signal.aborted).toBe(true)
})

it('aborts the reconcile of a Server and collects its orphans when it is gone, or on another host', () => {
  const { handlers, collected, signal } = startReconcile()
  handlers.deleted(placedServer())
  expect(signal.aborted).toBe(true)
  expect(collected).toEqual(['u1'])
})

it('logs once that the controller finds the agent too new', () => {
  const logged: string[] = []
  const log = { ...noLog, error: (_: unknown, message: string) => void logged.push(message) }
  const hostWith = (...messages: string[]): Hypervisor => ({
    apiVersion: 'compute.kubenova.io/v1alpha1',
    kind: 'Hypervisor',
    metadata: { name: 'h1' },
    spec: { disabled: false, forcedDown: false },
    status: {
      conditions: messages.map((message) => ({
        type: 'VersionSkew',
        status: 'True',
        reason: 'AgentTooNew',
        message,
        lastTransitionTime: '2026-01-01T00:00:00Z',
      })),
    },
  })
  logVersionSkew(undefined, hostWith(), log)
  logVersionSkew(hostWith(), hostWith('upgrade the controller'), log)
  logVersionSkew(hostWith('upgrade the controller'), hostWith('upgrade the controller'), log)
  logVersionSkew(hostWith('upgrade the controller'), hostWith(), log)
  expect(logged).toEqual(['upgrade the controller'])
})

it('probeFactsUntilKnown keeps a failure to itself until the third attempt', async () => {
  const clock = new FakeClock()
  const stop = new AbortController()
  const facts: AgentComponents['facts'] = { known: undefined, failure: undefined, first: Promise.withResolvers() }
  const failuresBefore: (string | undefined)[] = []
  const components = {
    session: { generation: 1 },
    facts,
    kube: { clock, resource: () => ({}) },
    libvirt: { away: false },
    log: noLog,
    async probeFacts() {
      failuresBefore.push(facts.failure?.code)
      if (failuresBefore.length === 4) stop.abort(new Error('stopped'))
      throw new Error('libvirt is busy')
    },
  } as unknown as AgentComponents
  const ended = probeFactsUntilKnown(components, stop.signal)
  await clock.advance(120_000)
  await ended
  expect(failuresBefore).toEqual([undefined, undefined, undefined, 'Unexpected'])
})
