import { printableText } from '../../validation/formats.ts'
import {
  boolean,
  nonNegativeSize,
  objectSchema,
  positiveSize,
  type Schema,
  schemaFrom,
  schemaOfTypes,
  stringSchema,
  type TypeOf,
} from '../../validation/schema.ts'

const name = stringSchema({ minLength: 1, maxLength: 255, format: 'name' })
const description = schemaOfTypes<string | null>(['string', 'null'], {
  minLength: 0,
  maxLength: 65_535,
  pattern: printableText,
})
/** A float above 0, as a number or as text. */
const rxtxFactor: Schema<number | string> = schemaOfTypes(['number', 'string'], {
  pattern: '^[0-9]+(\\.[0-9]+)?$',
  exclusiveMinimum: 0,
  maximum: 3.402_82e38,
})

const properties = {
  name,
  id: schemaOfTypes<string | number | null>(['string', 'number', 'null'], {
    minLength: 1,
    maxLength: 255,
    pattern: '^(?! )[a-zA-Z0-9. _-]+(?<! )$',
  }),
  ram: positiveSize,
  vcpus: positiveSize,
  disk: nonNegativeSize,
  'OS-FLV-EXT-DATA:ephemeral': nonNegativeSize,
  swap: nonNegativeSize,
}
const visibility = { 'os-flavor-access:is_public': boolean }
const required = ['name', 'ram', 'vcpus', 'disk'] as const

const first = objectSchema({ ...properties, rxtx_factor: rxtxFactor, ...visibility }, { required })
const withDescription = objectSchema(
  { ...properties, rxtx_factor: rxtxFactor, ...visibility, description },
  { required },
)
const withoutRxtx = objectSchema({ ...properties, ...visibility, description }, { required })

const bodyWith = <T>(flavor: Schema<T>) => objectSchema({ flavor }, { required: ['flavor'] })

export const createFlavorBody = {
  '2.1': bodyWith(first),
  '2.55': bodyWith(withDescription),
  '2.102': bodyWith(withoutRxtx),
} as const
export type CreateFlavorBody = TypeOf<(typeof createFlavorBody)['2.55']>

export const updateFlavorBody = bodyWith(objectSchema({ description }, { required: ['description'] }))
export type UpdateFlavorBody = TypeOf<typeof updateFlavorBody>

/** The pattern for the keys of extra specs. As in Nova, a value may also be a number, and is stored as text. */
const SPEC_KEYS = '^[a-zA-Z0-9-_:. ]{1,255}$'
const extraSpecs = (limits: Readonly<Record<string, unknown>> = {}): Schema<Record<string, string | number>> =>
  schemaFrom({
    type: 'object',
    patternProperties: { [SPEC_KEYS]: schemaOfTypes(['string', 'number'], { maxLength: 255 }) },
    additionalProperties: false,
    ...limits,
  })
export const createExtraSpecsBody = objectSchema({ extra_specs: extraSpecs() }, { required: ['extra_specs'] })
export const updateExtraSpecBody = extraSpecs({ minProperties: 1, maxProperties: 1 })
