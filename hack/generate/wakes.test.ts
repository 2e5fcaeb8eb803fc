import { expect, it } from 'vitest'
import { configMaps, leases } from '../../kube/builtin-kinds.ts'
import { defineChannel } from '../../kube/channel.ts'
import { defineController } from '../../kube/controller.ts'
import { done } from '../../kube/outcome.ts'
import { defineStore } from '../../kube/store.ts'
import { watch, watchChannel } from '../../kube/watch.ts'
import { wakesPage } from './wakes.ts'

const maps = defineStore(configMaps)
const beats = defineStore(leases)

it('wakesPage prints each watch as an edge of the graph and as a row of its controller', () => {
  const controller = defineController({
    name: 'maps',
    for: maps,
    stores: { maps, beats },
    concurrency: 2,
    watches: [
      watch(beats, { deleted: () => [], priority: 'high', after: 5000, because: 'A map waits for its lease.' }),
      watchChannel(defineChannel<string>('tests'), { map: (key) => [key], because: 'A test says so.' }),
    ],
    reconcile: async () => done,
  })
  const page = wakesPage([controller])
  expect(page).toContain(`\`\`\`mermaid
flowchart LR
  ConfigMap([ConfigMap])
  Lease([Lease])
  tests([tests])
  controller_maps[maps]
  ConfigMap --> controller_maps
  Lease --> controller_maps
  tests --> controller_maps
\`\`\``)
  expect(page).toContain(`## maps
Reconciles keys of ConfigMap, at most 2 at the same time. Stores: \`maps\`, \`beats\`.

| source | events | priority | delay | because |
| --- | --- | --- | --- | --- |
| ConfigMap | any change | normal; low at the start |  | The object itself changed. |
| Lease | deleted | high | 5 s | A map waits for its lease. |
| tests | notified | normal |  | A test says so. |
`)
})

it('wakesPage has a section for each controller', () => {
  const sections = [...wakesPage().matchAll(/^## (\w+)$/gm)].map(([, name]) => name)
  expect(sections).toEqual([
    'servers',
    'actions',
    'serverCleanup',
    'ports',
    'networks',
    'hosts',
    'flavors',
    'images',
    'keyPairs',
    'aggregates',
  ])
})
