/**
 * `make generate`: writes all committed files that are derived from the code. `make check` fails if one is outdated.
 */
import { join } from 'node:path'
import { agentPolicies } from './generate/access.ts'
import { argocd } from './generate/argocd.ts'
import { chartOutputs } from './generate/chart/files.ts'
import { chartReadme } from './generate/chart/readme.ts'
import { dashboardFiles } from './generate/dashboards/index.ts'
import { operationsPage } from './generate/errors.ts'
import { manifests } from './generate/manifests.ts'
import { writeOutput } from './generate/output.ts'
import { reference } from './generate/reference.ts'
import { writeSections } from './generate/sections.ts'
import { serverStates } from './generate/server-states.ts'

const root = join(import.meta.dirname, '..')
for (const output of [manifests, reference, serverStates, argocd, dashboardFiles]) await writeOutput(root, output)
for (const sections of [...agentPolicies(), operationsPage()]) await writeSections(root, sections)
// The chart has copies of files that the lines above have written.
for (const output of chartOutputs) await writeOutput(root, output)
await writeSections(root, chartReadme())
