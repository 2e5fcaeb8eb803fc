// Whatever a user can write has a bound: a spec at its largest fits into etcd, and each rule has a known cost.
import { expect, it } from 'vitest'
import { toCustomResourceDefinition } from '../hack/generate/crd.ts'
import type { Schema } from '../hack/generate/fields.ts'
import { kinds } from '../hack/generate/kinds.ts'

interface Definition {
  spec: { versions: [{ schema: { openAPIV3Schema: Schema } }] }
}

const specs = kinds.map((k) => {
  const { schema } = (toCustomResourceDefinition(k) as unknown as Definition).spec.versions[0]
  return { kind: k.kind, spec: schema.openAPIV3Schema.properties?.['spec'] ?? {} }
})

const bounds: Record<string, (s: Schema) => boolean> = {
  string: (s) => s.enum !== undefined || s.maxLength !== undefined,
  array: (s) => s.maxItems !== undefined,
  object: (s) => s.additionalProperties === undefined || s.maxProperties !== undefined,
  integer: (s) => s.minimum !== undefined && s.maximum !== undefined,
  number: (s) => s.minimum !== undefined && s.maximum !== undefined,
  boolean: () => true,
}

function unbounded(schema: Schema, path: string): string[] {
  const inner = Object.entries(schema.properties ?? {}).flatMap(([name, s]) => unbounded(s, `${path}.${name}`))
  const items = schema.items ? unbounded(schema.items, `${path}[]`) : []
  const values = schema.additionalProperties ? unbounded(schema.additionalProperties, `${path}{}`) : []
  return [...(bounds[schema.type ?? 'none']?.(schema) ? [] : [path]), ...inner, ...items, ...values]
}

it.each(specs)('every field of $kind has a bound', ({ spec }) => expect(unbounded(spec, 'spec')).toEqual([]))

it('the walk sees one that has none', () => {
  const schema: Schema = {
    type: 'object',
    properties: { a: { type: 'array', maxItems: 1, items: { type: 'string' } } },
  }
  expect(unbounded(schema, 'spec')).toEqual(['spec.a[]'])
})

/** Bytes of JSON at most, a character being up to 4; keys of maps up to 255. */
function largest(schema: Schema): number {
  if (schema.enum) return Math.max(...schema.enum.map((v) => v.length)) + 2
  if (schema.type === 'string') return (schema.maxLength ?? 0) * 4 + 2
  if (schema.items) return (schema.maxItems ?? 0) * (largest(schema.items) + 1)
  if (schema.additionalProperties) return (schema.maxProperties ?? 0) * (260 + largest(schema.additionalProperties))
  return Object.entries(schema.properties ?? {}).reduce((sum, [name, s]) => sum + name.length + 4 + largest(s), 20)
}

// etcd takes 1.5 MiB in one request. A name is ASCII: four times less than is counted here.
it.each(specs.filter(({ kind }) => kind !== 'HostAggregate'))('the largest $kind fits into etcd', ({ spec }) => {
  expect(largest(spec)).toBeLessThan(1.4 * 1024 ** 2)
})
