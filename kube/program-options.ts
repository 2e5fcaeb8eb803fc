// `--help` prints the options and exits with 0. Wrong options print an error and exit with 2.
import type { Static, TObject } from 'typebox'
import { optionsHelp, parseOptions, UsageError } from './options.ts'

const PREFIX = 'KUBENOVA'

/** @param purpose one sentence, the first line of --help */
export function readOptionsOrExit<S extends TObject>(schema: S, purpose: string): Static<S> {
  const args = process.argv.slice(2)
  if (args.includes('--help')) {
    console.log(`${purpose}\n\n${optionsHelp(schema, PREFIX)}`)
    process.exit(0)
  }
  try {
    return parseOptions(schema, { args, env: process.env, prefix: PREFIX })
  } catch (error) {
    if (!(error instanceof UsageError)) throw error
    console.error(`${error.message}\nSee --help.`)
    process.exit(2)
  }
}
