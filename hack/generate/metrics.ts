/** docs/reference/metrics.md: every metric of the programs. From the definitions beside their users. */
import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { listMetrics } from '../../kube/metrics.ts'
// Loaded for their definitions.
import '../../agent/agent.ts'
import '../../controller/controller.ts'
import { code, mark, table } from './markdown.ts'

const root = join(import.meta.dirname, '../..')

/** Which program has it: that of the folder in which it is defined; what kube/ defines, both have. */
function program(name: string): string {
  const folders = ['kube', 'controller', 'agent'].filter((folder) =>
    globSync('**/*.ts', { cwd: join(root, folder) })
      .filter((file) => !file.endsWith('.test.ts'))
      .some((file) => readFileSync(join(root, folder, file), 'utf8').includes(`'${name}'`)),
  )
  const [only] = folders
  if (only === undefined || folders.length > 1) throw new Error(`metric ${name} is defined in ${folders.join(', ')}`)
  return only === 'kube' ? 'both' : only
}

export function metricsPage(): string {
  const rows = listMetrics().map(({ name, type, labels, help }) => [
    code(name),
    type,
    labels.map(code).join(', '),
    program(name),
    help,
  ])
  return `# Metrics

${mark('the definitions in kube, controller and agent')}Served at \`/metrics\` of \`--metrics-address\`, in the text format of Prometheus. Labels are closed sets: never a server's name.

${table(['Metric', 'Type', 'Labels', 'Program', 'Help'], rows)}`
}
