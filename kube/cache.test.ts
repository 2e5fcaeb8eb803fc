import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Cache, deepFreeze, defineIndex, withoutManagedFields } from './cache.ts'
import { type KubeObject, keyOf, parseKey, type TypedResourceDef } from './types.ts'

interface Thing extends KubeObject {
  metadata: { name: string; namespace?: string; uid?: string }
  host?: string | undefined
  tags?: string[]
}

const names = fc.constantFrom('a', 'b', 'c', 'd')
const thing: fc.Arbitrary<Thing> = fc.record({
  metadata: fc.record({ name: names, namespace: fc.constantFrom('n1', 'n2') }),
  host: fc.option(fc.constantFrom('h1', 'h2', 'h3'), { nil: undefined }),
  tags: fc.array(fc.constantFrom('x', 'y', 'z'), { maxLength: 4 }),
})
type Step = { do: 'set'; object: Thing } | { do: 'delete'; key: string }
const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({ do: fc.constant('set' as const), object: thing }),
  fc.record({ do: fc.constant('delete' as const), key: thing.map((t) => keyOf(t.metadata)) }),
)

const things: TypedResourceDef<Thing> = { group: '', version: 'v1', plural: 'things', kind: 'Thing', namespaced: true }
const byHost = defineIndex(things, 'by host', (t) => [t.host])
const byTag = defineIndex(things, 'by tag', (t) => t.tags ?? [])
const byNumberOfTags = defineIndex(things, 'by number of tags', (t) => [String(t.tags?.length)])

describe('Cache', () => {
  it('finds by key, namespace and index what a scan of all objects finds, after any sequence of writes', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const cache = new Cache<Thing>()
        cache.byIndex(byHost, '')
        cache.byIndex(byTag, '')
        const model = new Map<string, Thing>()
        for (const s of steps) {
          if (s.do === 'set') {
            const key = keyOf(s.object.metadata)
            expect(cache.set(s.object)).toBe(model.get(key))
            model.set(key, s.object)
          } else {
            expect(cache.delete(s.key)).toBe(model.get(s.key))
            model.delete(s.key)
          }
        }
        const all = [...model.values()]
        expect(cache.size).toBe(all.length)
        expect(new Set(cache.list())).toEqual(new Set(all))
        for (const ns of ['n1', 'n2']) {
          expect(new Set(cache.list(ns))).toEqual(new Set(all.filter((t) => t.metadata.namespace === ns)))
        }
        for (const index of [byHost, byTag, byNumberOfTags]) {
          for (const value of ['h1', 'h2', 'h3', 'x', 'y', 'z', '0', '3']) {
            const expected = all.filter((t) => index.valuesOf(t).includes(value))
            const found = cache.byIndex(index, value)
            expect(found).toHaveLength(expected.length)
            expect(new Set(found)).toEqual(new Set(expected))
          }
        }
      }),
    )
  })

  it('is unchanged when an index function throws, and the error names the index and the object', () => {
    const picky = defineIndex(things, 'by whim', (t) => (t.host === 'boom' ? fail() : ['ok']))
    const cache = new Cache<Thing>()
    const first = { metadata: { name: 'a' }, host: 'h1' }
    cache.set(first)
    expect(cache.byIndex(picky, 'ok')).toEqual([first])
    expect(() => cache.set({ metadata: { name: 'a' }, host: 'boom' })).toThrow('index things by whim failed on a')
    expect(cache.get('a')).toBe(first)
    expect(cache.byIndex(picky, 'ok')).toEqual([first])
  })

  it('builds an index at the next look-up when the first one has failed', () => {
    const cache = new Cache<Thing>()
    const picky = defineIndex(things, 'by whim', (t) => (t.host === 'boom' ? fail() : ['ok']))
    cache.set({ metadata: { name: 'a' }, host: 'boom' })
    expect(() => cache.byIndex(picky, 'ok')).toThrow('index things by whim failed on a')
    const mended = { metadata: { name: 'a' }, host: 'h1' }
    cache.set(mended)
    expect(cache.byIndex(picky, 'ok')).toEqual([mended])
  })
})

function fail(): never {
  throw new Error('boom')
}

describe('deepFreeze', () => {
  it('freezes to the leaves', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        const frozen = deepFreeze(structuredClone(value))
        expect(frozen).toEqual(value)
        const check = (v: unknown): void => {
          expect(Object.isFrozen(v)).toBe(true)
          if (typeof v === 'object' && v !== null) Object.values(v).forEach(check)
        }
        check(frozen)
      }),
    )
  })
})

it('withoutManagedFields drops them and nothing else', () => {
  const object = { kind: 'X', metadata: { name: 'a', managedFields: [{}], labels: { b: 'c' } }, spec: 1 }
  expect(withoutManagedFields(object)).toEqual({ kind: 'X', metadata: { name: 'a', labels: { b: 'c' } }, spec: 1 })
})

it('parseKey undoes keyOf', () => {
  for (const ref of [{ name: 'a' }, { namespace: 'n', name: 'a' }]) expect(parseKey(keyOf(ref))).toEqual(ref)
})
