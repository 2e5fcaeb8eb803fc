import { describe, expect, it } from 'vitest'
import type { Server } from '../../crds/index.ts'
import { ApiError } from '../../kube/errors.ts'
import { Life } from '../../test/fakes/life.ts'
import { type Bench, startBenchWithActiveServer } from './testing.ts'

describe('a deletion that the cache does not have yet', () => {
  async function deleteUntilGone(): Promise<[Bench, Server]> {
    const bench = await startBenchWithActiveServer()
    await bench.delete()
    const seen = bench.server
    await bench.reconcileUntilSettled()
    expect(bench.api.find('servers', 'demo/web')).toBeUndefined()
    return [bench, seen]
  }

  it('ends without an error, an event or a write', async () => {
    const [bench, seen] = await deleteUntilGone()
    const agent = bench.startAgent()
    await expect(bench.reconcileOnce(agent, seen)).resolves.toEqual({ kind: 'done' })
    expect(agent.events).toEqual([])
    expect(bench.api.find('servers', 'demo/web')).toBeUndefined()
  })

  it.each([
    ['the kind is missing', new ApiError({ request: 'fake', status: 404, body: { reason: 'NotFound' } })],
    ['the API server is unavailable', new ApiError({ request: 'fake', status: 503 })],
  ])('ends with an error if %s', async (_, error) => {
    const [bench, seen] = await deleteUntilGone()
    const agent = bench.startAgent(new Life().fail('get servers', error))
    await expect(bench.reconcileOnce(agent, seen)).rejects.toBe(error)
  })
})
