import { describe, expect, it } from 'vitest'
import { withControlPlane } from '../test/rig/vitest.ts'
import { waitUntil } from '../test/rig/wait-until.ts'
import { type Event, events } from './builtin-kinds.ts'
import { createEventRecorder } from './events.ts'
import { createDirectClient, createProxiedClient, createTestNamespace } from './testing/rig.ts'

const plane = withControlPlane()
const note = (text: string) => ({ type: 'Warning' as const, reason: 'Tested', action: 'Test', note: text })

describe('createEventRecorder', () => {
  it('records an event once and counts its repetitions in a series', async () => {
    await using kube = await createDirectClient(plane())
    const { namespace, maps } = await createTestNamespace(kube)
    const regarding = await maps.create({ metadata: { namespace, name: 'a' } })
    const handle = kube.resource<Event>(events)
    {
      await using recorder = createEventRecorder({ kube, controller: 'example.com/test', instance: 'one' })
      recorder.event({ regarding, ...note('first') })
      await recorder.flush()
      for (let i = 0; i < 4; i += 1) recorder.event({ regarding, ...note('first') })
      recorder.event({ regarding, ...note('é'.repeat(2_000)) })
    }
    const { items } = await handle.list({ namespace })
    expect(items).toHaveLength(2)
    const first = items.find((e) => e.note === 'first')
    expect(first).toMatchObject({
      reason: 'Tested',
      action: 'Test',
      type: 'Warning',
      reportingController: 'example.com/test',
      reportingInstance: 'one',
      regarding: { kind: 'ConfigMap', namespace, name: 'a', uid: regarding.metadata.uid },
      series: { count: 5 },
    })
    expect(items.find((e) => e !== first)?.note).toMatch(/^é{400,}…$/)
    expect(await kube.metrics.value('events_recorded_total', { result: 'sent' })).toBe(3)
  })

  it('creates an event again when the API server no longer has it, and drops a flood of events', async () => {
    await using kube = await createDirectClient(plane())
    const { namespace, maps } = await createTestNamespace(kube)
    const regarding = await maps.create({ metadata: { namespace, name: 'a' } })
    const handle = kube.resource<Event>(events)
    await using recorder = createEventRecorder({ kube, controller: 'example.com/test' })
    recorder.event({ regarding, ...note('x') })
    await recorder.flush()
    for (const event of (await handle.list({ namespace })).items) await handle.delete(event.metadata)
    recorder.event({ regarding, ...note('x') })
    await recorder.flush()
    expect((await handle.list({ namespace })).items).toMatchObject([{ note: 'x', series: { count: 2 } }])
    for (let i = 0; i < 100; i += 1) recorder.event({ regarding, ...note(`flood ${i}`) })
    await recorder.flush()
    expect((await handle.list({ namespace })).items.length).toBeLessThanOrEqual(26)
    expect(await kube.metrics.value('events_recorded_total', { result: 'dropped' })).toBeGreaterThanOrEqual(75)
  })

  it('neither blocks nor fails its caller when the API server is unreachable', async () => {
    await using proxied = await createProxiedClient(plane())
    const { namespace, maps } = await createTestNamespace(proxied.kube)
    const regarding = await maps.create({ metadata: { namespace, name: 'a' } })
    await using recorder = createEventRecorder({ kube: proxied.kube, controller: 'example.com/test' })
    proxied.proxy.cut()
    recorder.event({ regarding, ...note('lost') })
    const failed = (): Promise<number> => proxied.kube.metrics.value('events_recorded_total', { result: 'failed' })
    await waitUntil(async () => (await failed()) === 1, { what: 'a failure' })
    proxied.proxy.pass()
    await recorder.flush()
    recorder.event({ regarding, ...note('found') })
    await recorder.flush()
    const { items } = await proxied.kube.resource<Event>(events).list({ namespace })
    expect(items.map((e) => e.note)).toContain('found')
  })
})
