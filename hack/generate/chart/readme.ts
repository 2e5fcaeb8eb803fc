import { inlineCode, renderTable } from '../markdown.ts'
import type { Sections } from '../sections.ts'
import { chartValues } from './values/index.ts'

interface Schema {
  description?: string
  default?: unknown
  properties?: Record<string, Schema>
  type?: string
  enum?: readonly string[]
}

export interface Value {
  path: string
  /** The default as JSON; empty if the chart has none. */
  default: string
  description: string
}

/** Members of free-form objects are not listed. */
export function listValues(schema: Schema = chartValues as unknown as Schema, prefix = ''): Value[] {
  return Object.entries(schema.properties ?? {}).flatMap(([name, value]) => {
    const path = `${prefix}${name}`
    const hasMembers = Object.keys(value.properties ?? {}).length > 0
    if (hasMembers) return listValues(value, `${path}.`)
    const isOption = prefix.endsWith('.options.')
    return [
      {
        path,
        default: value.default === undefined || isOption ? '' : JSON.stringify(value.default),
        description: describe(value, isOption),
      },
    ]
  })
}

function describe({ description = '', default: value, enum: choices }: Schema, isOption: boolean): string {
  const words = choices ? ` One of ${choices.join(', ')}.` : ''
  const standard = isOption && value !== undefined ? ` (program's default: ${JSON.stringify(value)})` : ''
  return `${description}${words}${standard}`
}

export const chartReadme = (): Sections => ({
  file: 'charts/kubenova/README.md',
  sections: {
    values: renderTable(
      ['Value', 'Default', 'Description'],
      listValues().map((v) => [inlineCode(v.path), inlineCode(v.default), v.description]),
    ),
  },
})
