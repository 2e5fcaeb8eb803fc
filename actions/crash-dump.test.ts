import { describe, expect, it } from 'vitest'
import type { FakeHost } from '../test/fakes/host.ts'
import { actions } from './index.ts'
import { runOn, situations, UID } from './testing.ts'

const request = (host: FakeHost, id: string): Promise<void> =>
  runOn(host, { action: actions.trigger_crash_dump, bootId: id })

describe('trigger_crash_dump', () => {
  it.each(['active', 'paused'] as const)('sends one NMI for each request when the server is %s', async (state) => {
    const host = await situations[state][0]!()
    await request(host, 'r1')
    await request(host, 'r1')
    await request(host, 'r2')
    expect(host.machine(UID).nmis).toEqual(['r1', 'r2'])
  })

  it.each(['stopped', 'suspended', 'building'] as const)('is refused when the server is %s', async (state) => {
    const host = await situations[state][0]!()
    await expect(request(host, 'r1')).rejects.toMatchObject({ kind: 'Refused', code: 'GuestNotRunning' })
    expect(host.machine(UID).nmis).toEqual([])
  })
})
