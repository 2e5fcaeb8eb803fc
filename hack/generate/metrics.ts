import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import type { MetricDef } from '../../kube/metrics.ts'
import { generatedMark, inlineCode, renderTable } from './markdown.ts'

const root = join(import.meta.dirname, '../..')

/**
 * Each program is loaded in a process of its own: a process with the modules of both would return the metrics of both.
 */
function metricsOf(program: string): MetricDef[] {
  const load = `await import('./${program}/program.ts'); const { listMetrics } = await import('./kube/metrics.ts')`
  const text = `${load}; process.stdout.write(JSON.stringify(listMetrics()))`
  return JSON.parse(execFileSync(process.execPath, ['-e', text], { cwd: root, encoding: 'utf8' })) as MetricDef[]
}

export function allMetrics(): (MetricDef & { programs: string[] })[] {
  const found = new Map<string, MetricDef & { programs: string[] }>()
  for (const program of ['controller', 'agent'])
    for (const def of metricsOf(program))
      found.set(def.name, { ...def, programs: [...(found.get(def.name)?.programs ?? []), program] })
  return [...found.values()].toSorted((a, b) => a.name.localeCompare(b.name))
}

export function metricsPage(): string {
  const rows = allMetrics().map(({ name, type, labels, help, programs }) => [
    inlineCode(name),
    type,
    labels.map(inlineCode).join(', '),
    programs.length > 1 ? 'both' : (programs[0] ?? ''),
    help,
  ])
  return `# Metrics

${generatedMark('the definitions in kube, controller and agent')}Served at \`/metrics\` of \`--metrics-address\`, in the text format of Prometheus. Labels are closed sets: never a server's name.

${renderTable(['Metric', 'Type', 'Labels', 'Program', 'Help'], rows)}`
}
