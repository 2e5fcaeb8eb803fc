import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { stringify } from 'yaml'
import { root } from '../manifests.ts'
import { runCommand } from '../rig/process.ts'
import { ensurePromtool } from '../rig/promtool.ts'
import { type AlertCase, alertCases } from './alert-cases.ts'
import { alerts, alertsFile } from './alerts.ts'
import { findUnknown } from './known-metrics.ts'
import { metricsIn } from './promql.ts'

const sortNames = (names: Iterable<string>): string[] => [...names].toSorted((a, b) => a.localeCompare(b))
const guide = readFileSync(join(root, 'docs/guide/alerts.md'), 'utf8')

function testGroups({ alert, at, interval = '1m', fires, quiet, labels, description }: AlertCase): object[] {
  const rule = alerts.find((a) => a.alert === alert)
  const expected = {
    exp_labels: { severity: rule?.labels.severity, ...labels },
    exp_annotations: { summary: rule?.annotations.summary, description },
  }
  const group = (name: string, series: Record<string, string>, exp_alerts: object[]): object => ({
    name: `${alert} ${name}`,
    interval,
    input_series: Object.entries(series).map(([metric, values]) => ({ series: metric, values })),
    alert_rule_test: [{ alertname: alert, eval_time: at, exp_alerts }],
  })
  return [group('fires', fires, [expected]), group('is quiet', quiet, [])]
}

const testFiles = Object.entries(Object.groupBy(alertCases, ({ interval = '1m' }) => interval)).map(
  ([interval, cases = []]) => ({
    rule_files: [alertsFile],
    evaluation_interval: interval,
    tests: cases.flatMap(testGroups),
  }),
)

it('each alert fires when it should, with its message, and not otherwise', { timeout: 300_000 }, async () => {
  const promtool = await ensurePromtool()
  const dir = mkdtempSync(join(tmpdir(), 'alerts-'))
  try {
    const files = testFiles.map((_, i) => join(dir, `${i}.yaml`))
    for (const [i, file] of files.entries()) writeFileSync(file, stringify(testFiles[i]))
    await runCommand([promtool, 'check', 'rules', alertsFile])
    await runCommand([promtool, 'test', 'rules', ...files])
  } finally {
    rmSync(dir, { recursive: true, force: true })
  }
})

it('each alert has a test, and a section in the guide', () => {
  const names = sortNames(alerts.map(({ alert }) => alert))
  expect(sortNames(alertCases.map(({ alert }) => alert))).toEqual(names)
  expect(sortNames([...guide.matchAll(/^### (Kubenova\w+)$/gm)].map(([, name = '']) => name))).toEqual(names)
})

it('every row of the table of metrics in operations.md has an alert', () => {
  const [, section = ''] = readFileSync(join(root, 'docs/guide/operations.md'), 'utf8').split('\n## Metrics\n')
  const rows = [...(section.split('\n## ')[0] ?? '').matchAll(/^\| (`[^|]*`) \|/gm)].map(([, cell = '']) =>
    [...cell.matchAll(/`([^`]+)`/g)].map(([, name = '']) => name),
  )
  const used = new Set(alerts.flatMap(({ expr }) => metricsIn(expr).map(({ name }) => name)))
  expect(rows.length).toBeGreaterThan(20)
  expect(rows.filter((names) => !names.some((name) => used.has(name)))).toEqual([])
})

it('the alerts use existing metrics with their labels', () => {
  expect(alerts.flatMap(({ alert, expr }) => findUnknown(expr).map((problem) => `${alert}: ${problem}`))).toEqual([])
})
