/** The version that the agent reports of itself. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'

/** package.json lies one folder above, also where the built files run. */
function read(): string {
  for (const up of ['..', '../..']) {
    try {
      return (JSON.parse(readFileSync(join(import.meta.dirname, up, 'package.json'), 'utf8')) as { version: string })
        .version
    } catch {
      // Not here: one further up.
    }
  }
  return 'unknown'
}

export const version = read()
