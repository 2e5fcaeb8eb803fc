// How a program of ours reads its options: --help prints them all and ends; wrong ones end it with 2 and say what to do.
import type { Static, TObject } from 'typebox'
import { optionsHelp, parseOptions, UsageError } from './options.ts'

const PREFIX = 'KUBENOVA'

/** @param purpose one sentence for the top of --help */
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
