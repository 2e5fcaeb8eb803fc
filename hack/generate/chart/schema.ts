import { chartValues } from './values/index.ts'

type Json = { [key: string]: unknown }

/**
 * Outside of lists no member is required, because Helm fills in the defaults before it checks the values. Unknown
 * members are rejected, unless the TypeBox schema has `additionalProperties`.
 */
export function toValuesSchema(schema: Json, isListItem = false): Json {
  const { required, properties, items, ...rest } = schema
  const out: Json = { ...rest }
  if (properties !== undefined) {
    const entries = Object.entries(properties as Record<string, Json>)
    out['properties'] = Object.fromEntries(entries.map(([name, inner]) => [name, toValuesSchema(inner, isListItem)]))
    out['additionalProperties'] = rest['additionalProperties'] ?? false
    if (isListItem && required !== undefined) out['required'] = required
  }
  if (items !== undefined) out['items'] = toValuesSchema(items as Json, true)
  return out
}

export function valuesSchema(): string {
  const { properties, ...schema } = toValuesSchema(chartValues as unknown as Json)
  const global = { type: 'object', description: 'Helm passes it to every chart; this one ignores it.' }
  const full = {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    title: 'Values of the chart kubenova',
    ...schema,
    properties: { ...(properties as Json), global },
  }
  return `${JSON.stringify(full, null, 2)}\n`
}
