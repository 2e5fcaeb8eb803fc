import { join } from 'node:path'
import { beforeAll, describe, expect, it } from 'vitest'
import { type Namespace, namespaces } from '../../kube/builtin-kinds.ts'
import { createDirectClient } from '../../kube/testing/rig.ts'
import { applyManifests } from '../rig/crds.ts'
import { withControlPlane } from '../rig/vitest.ts'
import { FakeApi } from './api.ts'
import { Life } from './life.ts'
import { makePlayground, operationsByTitle, runOperation } from './operations.ts'

const plane = withControlPlane()
const manifests = join(import.meta.dirname, '../../crds/manifests')

type Tree = { [key: string]: Tree }

function ownersOf(object: unknown): Record<string, string[]> {
  const { metadata } = object as {
    metadata: { managedFields?: { manager: string; operation: string; subresource?: string; fieldsV1: Tree }[] }
  }
  const leaves = (tree: Tree, at: string[]): string[] =>
    Object.entries(tree).flatMap(([step, below]) => {
      if (step === '.') return [at.join(' / ')]
      const path = [...at, step]
      return Object.keys(below).length === 0 ? [path.join(' / ')] : leaves(below, path)
    })
  return Object.fromEntries(
    (metadata.managedFields ?? []).map(({ manager, operation, subresource = '', fieldsV1 }) => [
      [manager, operation, subresource].join(' ').trim(),
      leaves(fieldsV1, []).sort(),
    ]),
  )
}

beforeAll(async () => {
  await applyManifests(plane().api, manifests)
})

describe('the fake API server answers as the real one', () => {
  it.each(Object.keys(operationsByTitle))('%s', async (name) => {
    await using kube = await createDirectClient(plane())
    const namespace = `t${Object.keys(operationsByTitle).indexOf(name)}`
    await kube.resource<Namespace>(namespaces).create({ metadata: { name: namespace } })
    const real = makePlayground(kube, namespace)
    const fake = new FakeApi()
    const faked = makePlayground(fake.kube(new Life(), 'kube-test'), namespace)
    const [seenReal, seenFake] = [new Map<string, string>(), new Map<string, string>()]
    for (const [i, operation] of operationsByTitle[name]!.entries()) {
      const expected = await runOperation(operation, real, seenReal)
      expect(await runOperation(operation, faked, seenFake), `operation ${i}`).toEqual(expected)
      for (const [plural, handle, object] of [
        ['servers', real.servers, 'a'],
        ['serveractions', real.actions, 'r'],
      ] as const) {
        const stored = await handle.get({ namespace, name: object }).catch(() => undefined)
        expect(
          fake.fieldsByManager(plural, `${namespace}/${object}`),
          `fields by manager after operation ${i}`,
        ).toEqual(stored ? ownersOf(stored) : {})
      }
    }
  })
})
