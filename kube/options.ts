import { parseArgs } from 'node:util'
import type { Static, TObject } from 'typebox'
import { Convert, Default, Errors } from 'typebox/value'

/** An option has no members or elements, because its value is one word on the command line. */
interface Property {
  type?: string
  enum?: unknown[]
  default?: unknown
  description?: string
  /** The value of a string with a pattern, in words. */
  mustBe?: string
}

export interface OptionsSource {
  /** Without node and the script: `process.argv.slice(2)`. */
  args: readonly string[]
  env: Readonly<Record<string, string | undefined>>
  /** With `KUBENOVA`, the environment variable of `logLevel` is KUBENOVA_LOG_LEVEL. */
  prefix: string
}

/** The options are wrong. A program prints `message` as it is and exits with 2. */
export class UsageError extends Error {
  override readonly name = 'UsageError'
}

const toFlag = (name: string): string => name.replace(/[A-Z]/g, (c) => `-${c.toLowerCase()}`)
const toVariable = (prefix: string, name: string): string =>
  `${prefix}_${toFlag(name).replaceAll('-', '_').toUpperCase()}`
const propertiesOf = (schema: TObject): [string, Property][] =>
  Object.entries(schema.properties as Record<string, Property>)

/**
 * A flag wins over an environment variable, and an environment variable over a default. Booleans are `--flag` or
 * `--no-flag`. Throws {@link UsageError} if an option is unknown, missing or rejected by the schema.
 */
export function parseOptions<S extends TObject>(schema: S, { args, env, prefix }: OptionsSource): Static<S> {
  const properties = propertiesOf(schema)
  const given: Record<string, unknown> = {}
  const flags = parseFlags(properties, args)
  for (const [name, { type }] of properties) {
    const value = flags[toFlag(name)] ?? env[toVariable(prefix, name)]
    if (value !== undefined) given[name] = type === 'string' ? value : Convert(schema.properties[name] ?? {}, value)
  }
  const options = Default(schema, given)
  const errors = Errors(schema, options)
  if (errors.length > 0) {
    const named = new Map(properties)
    throw new UsageError(errors.map((error) => errorMessage(error, named, prefix)).join('\n'))
  }
  return options as Static<S>
}

function parseFlags(properties: [string, Property][], args: readonly string[]): Record<string, unknown> {
  const options = Object.fromEntries(
    properties.map(([name, { type }]) => [
      toFlag(name),
      { type: type === 'boolean' ? ('boolean' as const) : ('string' as const) },
    ]),
  )
  try {
    return { ...parseArgs({ args: [...args], options, allowNegative: true, strict: true }).values }
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error), { cause: error })
  }
}

interface OptionError {
  instancePath: string
  message: string
  params: object
}

function errorMessage(
  { instancePath, message, params }: OptionError,
  named: Map<string, Property>,
  prefix: string,
): string {
  const missing =
    'requiredProperties' in params && Array.isArray(params.requiredProperties) ? params.requiredProperties : []
  if (missing.length > 0) {
    return missing
      .map((name) => `--${toFlag(String(name))} (or ${toVariable(prefix, String(name))}) is needed`)
      .join('\n')
  }
  const name = instancePath.slice(1)
  const allowed =
    'allowedValues' in params && Array.isArray(params.allowedValues) ? `: ${params.allowedValues.join(', ')}` : ''
  const mustBe = 'pattern' in params ? named.get(name)?.mustBe : undefined
  const problem = mustBe === undefined ? `${message}${allowed}` : `must be ${mustBe}`
  return `--${toFlag(name)} (or ${toVariable(prefix, name)}) ${problem}`
}

export function optionsHelp(schema: TObject, prefix: string): string {
  const rows = propertiesOf(schema).map(([name, { type, enum: values, default: standard, description = '' }]) => {
    const kind = values ? values.join('|') : type === 'boolean' ? '' : (type ?? 'string')
    const suffix = standard === undefined || standard === '' ? '' : ` (${JSON.stringify(standard)})`
    return [
      `  --${toFlag(name)}${kind === '' ? '' : ` <${kind}>`}`,
      toVariable(prefix, name),
      `${description}${suffix}`,
    ] as const
  })
  const width = (column: 0 | 1): number => Math.max(...rows.map((row) => row[column].length))
  return rows.map(([flag, env, text]) => `${flag.padEnd(width(0))}  ${env.padEnd(width(1))}  ${text}`).join('\n')
}
