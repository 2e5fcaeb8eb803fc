/** `make generate`: everything that is derived from the code and committed. `make check` makes it anew and compares. */
import { join } from 'node:path'
import { manifests } from './generate/manifests.ts'
import { write } from './generate/output.ts'
import { reference } from './generate/reference.ts'
import { serverStates } from './generate/server-states.ts'

const root = join(import.meta.dirname, '..')
for (const output of [manifests, reference, serverStates]) await write(root, output)
