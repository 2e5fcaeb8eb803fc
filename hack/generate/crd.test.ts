import { Type } from 'typebox'
import { describe, expect, it } from 'vitest'
import { celRules, patternWithMessage } from '../../crds/schema.ts'
import { toStructuralSchema } from './crd.ts'

const convert = (schema: object) => toStructuralSchema(schema as { [key: string]: unknown }, 'spec')

describe('toStructuralSchema', () => {
  it('converts a Record to additionalProperties', () => {
    expect(convert(Type.Record(Type.String(), Type.String({ maxLength: 3 })))).toEqual({
      type: 'object',
      additionalProperties: { type: 'string', maxLength: 3 },
    })
  })

  it('gives an enum its type', () => {
    expect(convert(Type.Enum(['a', 'b']))).toEqual({ type: 'string', enum: ['a', 'b'] })
  })

  it('does not require a field that has a default, at any depth', () => {
    const inner = Type.Object({ c: Type.Boolean({ default: true }), d: Type.String() })
    const schema = convert(Type.Object({ a: Type.Integer(), b: Type.Integer({ default: 0 }), list: Type.Array(inner) }))
    expect(schema).toMatchObject({ required: ['a', 'list'], properties: { list: { items: { required: ['d'] } } } })
    expect(convert(Type.Object({ b: Type.Integer({ default: 0 }) }))).not.toHaveProperty('required')
  })

  it('converts a pattern with a message to a rule, before the other rules', () => {
    const field = Type.String({
      ...patternWithMessage('^[^/\\s]$', 'must be one'),
      ...celRules({ rule: 'self != "a"' }),
    })
    expect(convert(Type.Object({ field }))).toMatchObject({
      properties: {
        field: {
          type: 'string',
          'x-kubernetes-validations': [
            { rule: "self.matches(r'^[^/\\s]$')", message: 'must be one' },
            { rule: 'self != "a"' },
          ],
        },
      },
    })
    expect(JSON.stringify(convert(field))).not.toMatch(/pattern|x-kubenova/)
  })

  it.each([
    [
      'a union',
      Type.Object({ a: Type.Union([Type.String(), Type.Integer()]) }),
      'spec.a: a structural schema has no unions',
    ],
    [
      'a union in a list',
      Type.Object({ a: Type.Array(Type.Union([Type.Null(), Type.Integer()])) }),
      'spec.a[]: a structural schema has no unions',
    ],
    ['an enum of numbers', Type.Object({ a: Type.Enum([1, 2]) }), 'spec.a: only enums of strings'],
  ])('rejects %s with its path', (_, schema, message) => {
    expect(() => convert(schema)).toThrow(message)
  })
})
