import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Cache, deepFreeze, withoutManagedFields } from './cache.ts'
import { type KubeObject, keyOf, parseKey } from './types.ts'

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

const byHost = (t: Thing): (string | undefined)[] => [t.host]
const byTag = (t: Thing): string[] => t.tags ?? []

describe('Cache', () => {
  it('finds by key, namespace and index what a scan of all objects finds, after any sequence of writes', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const cache = new Cache<Thing>({ host: byHost, tag: byTag })
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
        for (const [name, of] of Object.entries({ host: byHost, tag: byTag })) {
          for (const value of ['h1', 'h2', 'h3', 'x', 'y', 'z']) {
            expect(new Set(cache.byIndex(name, value))).toEqual(new Set(all.filter((t) => of(t).includes(value))))
          }
        }
      }),
    )
  })

  it('throws with the names of its indexes when asked for an unknown index', () => {
    expect(() => new Cache({ host: () => [] }).byIndex('hots', 'x')).toThrow('it has namespace, host')
  })

  it('is unchanged when an index function throws', () => {
    const cache = new Cache<Thing>({ bad: (t) => (t.host === 'boom' ? fail() : ['ok']) })
    const first = { metadata: { name: 'a' }, host: 'h1' }
    cache.set(first)
    expect(() => cache.set({ metadata: { name: 'a' }, host: 'boom' })).toThrow('boom')
    expect(cache.get('a')).toBe(first)
    expect(cache.byIndex('bad', 'ok')).toEqual([first])
  })
})

function fail(): never {
  throw new Error('boom')
}

describe('deepFreeze', () => {
  it('freezes a value and everything in it', () => {
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

it('withoutManagedFields removes managedFields and nothing else', () => {
  const object = { kind: 'X', metadata: { name: 'a', managedFields: [{}], labels: { b: 'c' } }, spec: 1 }
  expect(withoutManagedFields(object)).toEqual({ kind: 'X', metadata: { name: 'a', labels: { b: 'c' } }, spec: 1 })
})

it('parseKey is the inverse of keyOf', () => {
  for (const ref of [{ name: 'a' }, { namespace: 'n', name: 'a' }]) expect(parseKey(keyOf(ref))).toEqual(ref)
})
