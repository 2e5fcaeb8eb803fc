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

async function fencedConfigMaps(isLeader: () => boolean) {
  const api = new FakeApi()
  await api.resource<ConfigMap>(configMaps).create(object)
  return fenceWrites(api.kube(), isLeader).resource<ConfigMap>(configMaps)
}

it.each(Object.keys(writes))(
  'fenceWrites sends %s while the process leads, and rejects it afterwards',
  async (name) => {
    let isLeader = true
    const maps = await fencedConfigMaps(() => isLeader)
    await writes[name]?.(maps)
    isLeader = false
    await expect(writes[name]?.(maps)).rejects.toThrow('does not lead')
  },
)

it('fenceWrites sends reads even when the process does not lead', async () => {
  const maps = await fencedConfigMaps(() => false)
  expect((await maps.get(ref)).data).toEqual({ x: '1' })
  expect((await maps.list({ namespace: 'demo' })).items).toHaveLength(1)
})
