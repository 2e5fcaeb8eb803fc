// Options of a program from one schema: flags, environment, defaults, help, and errors that say what to write instead.
import { parseArgs } from 'node:util'
import type { Static, TObject } from 'typebox'
import { Convert, Default, Errors } from 'typebox/value'

/** What an option's schema may say (JSON Schema): a subset that can be written in one word on a command line. */
interface Property {
  type?: string
  enum?: unknown[]
  default?: unknown
  description?: string
}

export interface OptionsSource {
  /** `process.argv.slice(2)` */
  args: readonly string[]
  env: Readonly<Record<string, string | undefined>>
  /** Of environment variables: `KUBENOVA` makes `logLevel` KUBENOVA_LOG_LEVEL. */
  prefix: string
}

/** Wrong options: `message` is for people, whole; a program prints it and exits with 2. */
export class UsageError extends Error {
  override readonly name = 'UsageError'
}

const kebab = (name: string): string => name.replace(/[A-Z]/g, (c) => `-${c.toLowerCase()}`)
const upper = (prefix: string, name: string): string => `${prefix}_${kebab(name).replaceAll('-', '_').toUpperCase()}`
const propertiesOf = (schema: TObject): [string, Property][] =>
  Object.entries(schema.properties as Record<string, Property>)

/**
 * Flags go before environment, environment before defaults. `--flag value`, `--flag=value`, `--flag` and `--no-flag` for booleans.
 * Throws {@link UsageError} for anything unknown, missing or refused by the schema.
 */
export function parseOptions<S extends TObject>(schema: S, { args, env, prefix }: OptionsSource): Static<S> {
  const properties = propertiesOf(schema)
  const given: Record<string, unknown> = {}
  const flags = parseFlags(properties, args)
  for (const [name, { type }] of properties) {
    const value = flags[kebab(name)] ?? env[upper(prefix, name)]
    if (value !== undefined) given[name] = type === 'string' ? value : Convert(schema.properties[name] ?? {}, value)
  }
  const options = Default(schema, given)
  const wrong = Errors(schema, options)
  if (wrong.length > 0) {
    throw new UsageError(
      wrong.map(({ instancePath, message, params }) => explain(instancePath, message, params, prefix)).join('\n'),
    )
  }
  return options as Static<S>
}

function parseFlags(properties: [string, Property][], args: readonly string[]): Record<string, unknown> {
  const options = Object.fromEntries(
    properties.map(([name, { type }]) => [
      kebab(name),
      { type: type === 'boolean' ? ('boolean' as const) : ('string' as const) },
    ]),
  )
  try {
    return { ...parseArgs({ args: [...args], options, allowNegative: true, strict: true }).values }
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error), { cause: error })
  }
}

function explain(path: string, message: string, params: object, prefix: string): string {
  const missing =
    'requiredProperties' in params && Array.isArray(params.requiredProperties) ? params.requiredProperties : []
  if (missing.length > 0) {
    return missing.map((name) => `--${kebab(String(name))} (or ${upper(prefix, String(name))}) is needed`).join('\n')
  }
  const name = path.slice(1)
  const allowed =
    'allowedValues' in params && Array.isArray(params.allowedValues) ? `: ${params.allowedValues.join(', ')}` : ''
  return `--${kebab(name)} (or ${upper(prefix, name)}) ${message}${allowed}`
}

/** One line per option: flag, environment variable, description, default. */
export function optionsHelp(schema: TObject, prefix: string): string {
  const rows = propertiesOf(schema).map(([name, { type, enum: values, default: standard, description = '' }]) => {
    const kind = values ? values.join('|') : type === 'boolean' ? '' : (type ?? 'string')
    const suffix = standard === undefined || standard === '' ? '' : ` (${JSON.stringify(standard)})`
    return [
      `  --${kebab(name)}${kind === '' ? '' : ` <${kind}>`}`,
      upper(prefix, name),
      `${description}${suffix}`,
    ] as const
  })
  const width = (column: 0 | 1): number => Math.max(...rows.map((row) => row[column].length))
  return rows.map(([flag, env, text]) => `${flag.padEnd(width(0))}  ${env.padEnd(width(1))}  ${text}`).join('\n')
}
