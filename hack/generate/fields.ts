import { NAME_MESSAGE, Name, type Rule } from '../../crds/index.ts'

export interface Schema {
  type?: string
  description?: string
  default?: unknown
  enum?: readonly string[]
  properties?: Record<string, Schema>
  required?: readonly string[]
  items?: Schema
  additionalProperties?: Schema
  minimum?: number
  maximum?: number
  minLength?: number
  maxLength?: number
  maxItems?: number
  maxProperties?: number
  pattern?: string
  format?: string
  mustBe?: string
  'x-kubernetes-validations'?: readonly Rule[]
}

export interface Field {
  path: string
  type: string
  required: boolean
  default: string
  limits: string
  description: string
}

export function listFields(schema: Schema, prefix = ''): Field[] {
  return Object.entries(schema.properties ?? {}).flatMap(([name, field]) => {
    const path = `${prefix}${name}`
    const row: Field = {
      path,
      type: typeOf(field),
      required: schema.required?.includes(name) ?? false,
      default: field.default === undefined ? '' : JSON.stringify(field.default),
      limits: describeLimits(field),
      description: field.description ?? '',
    }
    return [row, ...listFields(field, `${path}.`), ...listFields(field.items ?? {}, `${path}[].`)]
  })
}

function typeOf({ type = 'object', enum: values, items, additionalProperties }: Schema): string {
  if (values) return values.join(', ')
  if (items) return `list of ${items.enum ? typeOf(items) : (items.type ?? 'object')}`
  return additionalProperties ? `map of ${additionalProperties.type ?? 'object'}` : type
}

const limitTexts = [
  ['minimum', 'at least'],
  ['maximum', 'at most'],
  ['minLength', 'characters at least'],
  ['maxLength', 'characters at most'],
  ['maxItems', 'items at most'],
  ['maxProperties', 'entries at most'],
] as const

/** Every field with the name of a Kubernetes object has this limit, so the pages do not repeat it. */
const { maxLength: nameLength } = Name('') as Schema

function describeLimits(schema: Schema): string {
  if (schema.maxLength === nameLength) return ''
  const parts = limitTexts.flatMap(([key, text]) => (schema[key] === undefined ? [] : [`${text} ${schema[key]}`]))
  // The description of an option tells in words what the pattern says.
  if (schema.pattern !== undefined && schema.mustBe === undefined) parts.push(`pattern \`${schema.pattern}\``)
  return parts.join('; ')
}

export interface PlacedRule {
  path: string
  message: string
}

export function rulesOf(schema: Schema, path: string): PlacedRule[] {
  const own = (schema['x-kubernetes-validations'] ?? [])
    .filter(({ message }) => message !== NAME_MESSAGE)
    .map(({ message, rule, fieldPath = '' }) => ({ path: `${path}${fieldPath}`, message: message ?? rule }))
  const inner = Object.entries(schema.properties ?? {}).flatMap(([name, s]) => rulesOf(s, `${path}.${name}`))
  return [...own, ...inner, ...(schema.items ? rulesOf(schema.items, `${path}[]`) : [])]
}
