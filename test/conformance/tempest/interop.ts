import { readFileSync } from 'node:fs'
import { join } from 'node:path'

/** The tests that the guideline for OpenStack Powered Compute requires. */
export const readInteropTests = (): ReadonlySet<string> =>
  new Set(
    readFileSync(join(import.meta.dirname, 'interop.txt'), 'utf8')
      .trim()
      .split('\n'),
  )
