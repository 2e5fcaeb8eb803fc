// Every field that a user can write has an upper bound. So the largest spec fits into etcd, and the API server can
// compute the highest cost of each CEL rule.
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

const boundChecks: Record<string, (s: Schema) => boolean> = {
  string: (s) => s.enum !== undefined || s.maxLength !== undefined,
  array: (s) => s.maxItems !== undefined,
  object: (s) => s.additionalProperties === undefined || s.maxProperties !== undefined,
  integer: (s) => s.minimum !== undefined && s.maximum !== undefined,
  number: (s) => s.minimum !== undefined && s.maximum !== undefined,
  boolean: () => true,
}

function findUnboundedFields(schema: Schema, path: string): string[] {
  const inner = Object.entries(schema.properties ?? {}).flatMap(([name, s]) =>
    findUnboundedFields(s, `${path}.${name}`),
  )
  const items = schema.items ? findUnboundedFields(schema.items, `${path}[]`) : []
  const values = schema.additionalProperties ? findUnboundedFields(schema.additionalProperties, `${path}{}`) : []
  return [...(boundChecks[schema.type ?? 'none']?.(schema) ? [] : [path]), ...inner, ...items, ...values]
}

it.each(specs)('every field of $kind has a bound', ({ spec }) => expect(findUnboundedFields(spec, 'spec')).toEqual([]))

it('findUnboundedFields finds a string without maxLength in a list', () => {
  const schema: Schema = {
    type: 'object',
    properties: { a: { type: 'array', maxItems: 1, items: { type: 'string' } } },
  }
  expect(findUnboundedFields(schema, 'spec')).toEqual(['spec.a[]'])
})

/** In bytes of JSON: 4 bytes for each character, and 260 for each key of a map. */
function maxBytesOf(schema: Schema): number {
  if (schema.enum) return Math.max(...schema.enum.map((v) => v.length)) + 2
  if (schema.type === 'string') return (schema.maxLength ?? 0) * 4 + 2
  if (schema.items) return (schema.maxItems ?? 0) * (maxBytesOf(schema.items) + 1)
  if (schema.additionalProperties) return (schema.maxProperties ?? 0) * (260 + maxBytesOf(schema.additionalProperties))
  return Object.entries(schema.properties ?? {}).reduce((sum, [name, s]) => sum + name.length + 4 + maxBytesOf(s), 20)
}

// etcd accepts requests of at most 1.5 MiB. HostAggregate is left out: its 10,000 host names are ASCII, so the estimate
// of 4 bytes for each character is far too high.
it.each(specs.filter(({ kind }) => kind !== 'HostAggregate'))('the largest $kind fits into etcd', ({ spec }) => {
  expect(maxBytesOf(spec)).toBeLessThan(1.4 * 1024 ** 2)
})
