import { expect, it } from 'vitest'
import { FakeApi } from '../test/fakes/api.ts'
import { type ConfigMap, configMaps } from './builtin-kinds.ts'
import { fenceWrites } from './fence.ts'
import type { Resource } from './resource.ts'

const ref = { namespace: 'demo', name: 'a' }
const object = { metadata: ref, data: { x: '1' } }

const writes: Record<string, (maps: Resource<ConfigMap>) => Promise<unknown>> = {
  create: (maps) => maps.create({ ...object, metadata: { ...ref, name: 'b' } }),
  update: (maps) => maps.update(object),
  apply: (maps) => maps.apply(object),
  applyStatus: (maps) => maps.applyStatus(object),
  patch: (maps) => maps.patch(ref, { data: { x: '2' } }),
  delete: (maps) => maps.delete(ref),
}

async function behindFence(may: () => boolean) {
  const api = new FakeApi()
  await api.resource<ConfigMap>(configMaps).create(object)
  return fenceWrites(api.kube(), may).resource<ConfigMap>(configMaps)
}

it.each(Object.keys(writes))('%s goes through while it may, and not after', async (name) => {
  let may = true
  const maps = await behindFence(() => may)
  await writes[name]?.(maps)
  may = false
  await expect(writes[name]?.(maps)).rejects.toThrow('does not lead')
})

it('reads always go through', async () => {
  const maps = await behindFence(() => false)
  expect((await maps.get(ref)).data).toEqual({ x: '1' })
  expect((await maps.list({ namespace: 'demo' })).items).toHaveLength(1)
})
