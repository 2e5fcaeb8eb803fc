import { parseArgs } from 'node:util'

/**
 * Parses arguments such as `--namespace=default`. Throws an error for a required option that is missing, and for an
 * unknown one.
 */
export function parseArguments<R extends string, O extends string = never>(
  args: readonly string[],
  names: { required: readonly R[]; optional?: readonly O[] },
): Record<R, string> & Partial<Record<O, string>> {
  const known = [...names.required, ...(names.optional ?? [])]
  const options = Object.fromEntries(known.map((name) => [name, { type: 'string' as const }]))
  const { values } = parseArgs({ args: [...args], options })
  const missing = names.required.filter((name) => values[name] === undefined)
  if (missing.length > 0) throw new Error(`missing options: ${missing.map((name) => `--${name}`).join(', ')}`)
  return values as Record<R, string> & Partial<Record<O, string>>
}
