/**
 * Compares the shim with the JSON Schemas in the package nova: the answers in the shim's unit tests with the response
 * schemas, and the verdicts of both sides on generated requests.
 * Usage: node test/conformance/nova-schemas/run.ts [--answers DIR] [--cases N] [--seed N] [--show N]
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { runCommand } from '../../../hack/command.ts'
import { readAnswerCases } from './answers.ts'
import { type Case, judgeByNova, listNovaRoutes, type NovaRoute } from './nova.ts'
import { casesOf, pairSchemas } from './requests.ts'

const { values: options } = parseArgs({
  options: {
    answers: { type: 'string' },
    cases: { type: 'string', default: '16' },
    seed: { type: 'string', default: '1' },
    show: { type: 'string', default: '100' },
  },
})

/** Answers in which Nova violates its own schema, by the parts of the error message. */
const knownDifferences: readonly { path: string; has?: string; end: string }[] = [
  // Nova answers with host names, where its schema demands UUIDs.
  { path: '/os-instance_usage_audit_log', end: "is not a 'uuid'" },
  { path: '/os-instance_usage_audit_log/{id}', end: "is not a 'uuid'" },
  // Nova repeats the security groups of the request, also one without a name.
  { path: '/servers', has: "{'name': 'default'}, {}]", end: 'is not valid under any of the given schemas' },
]

interface Count {
  passed: number
  failures: string[]
}

const nameOf = ({ method, path, action, version }: Case): string =>
  `${method} ${path}${action === null ? '' : ` ${action}`} at 2.${version}`

async function recordUnitTests(dir: string): Promise<void> {
  process.env['KUBENOVA_RECORD_ANSWERS'] = dir
  const { code, output } = await runCommand(['vitest', 'run', '--project', 'unit', 'api-shim'])
  if (code !== 0) throw new Error(`the unit tests of the shim fail:\n${output}`)
}

const isKnown = ({ path }: Case, verdict = ''): boolean =>
  knownDifferences.some(
    (known) => known.path === path && verdict.includes(known.has ?? '') && verdict.endsWith(known.end),
  )

async function checkAnswers(routes: readonly NovaRoute[]): Promise<Count> {
  const dir = options.answers ?? mkdtempSync(join(tmpdir(), 'kubenova-answers-'))
  if (options.answers === undefined) await recordUnitTests(dir)
  const cases = readAnswerCases(dir, routes)
  if (options.answers === undefined) rmSync(dir, { recursive: true })
  const verdicts = await judgeByNova(cases)
  const failures = cases.flatMap((one, index) =>
    verdicts[index] === 'valid' || isKnown(one, verdicts[index])
      ? []
      : [`${nameOf(one)}: ${String(verdicts[index]).slice(0, 500)} (${one.url})`],
  )
  const reached = new Set(cases.map(({ method, path, action }) => JSON.stringify([method, path, action])))
  console.log(`${cases.length} answers of ${reached.size} routes`)
  return { passed: cases.length - failures.length, failures }
}

async function checkRequests(routes: readonly NovaRoute[]): Promise<Count> {
  const pairs = pairSchemas(routes)
  const cases = pairs.flatMap((pair, index) => casesOf(pair, Number(options.cases), Number(options.seed) + index))
  const verdicts = await judgeByNova(cases.map(({ problem: _ours, ...one }) => one))
  const different = cases.flatMap((one, index) => {
    const verdict = verdicts[index] ?? ''
    // Nova takes every value of a request for which it has no schema.
    const isAccepted = verdict === 'valid' || verdict === 'none'
    if (isAccepted === (one.problem === undefined)) return []
    return [
      `${nameOf(one)}: ${one.kind}: Nova ${verdict.slice(0, 200)}, the shim ${one.problem?.slice(0, 200) ?? 'valid'}: ${JSON.stringify(one.value).slice(0, 300)}`,
    ]
  })
  console.log(`${pairs.length} pairs of schemas, ${cases.length} requests`)
  return { passed: cases.length - different.length, failures: different }
}

function report(title: string, { passed, failures }: Count): void {
  console.log(`== ${title}: ${passed} passed, ${failures.length} failed`)
  for (const failure of failures.slice(0, Number(options.show))) console.log(`- ${failure}`)
}

const routes = await listNovaRoutes()
const requests = await checkRequests(routes)
report('requests', requests)
const answers = await checkAnswers(routes)
report('answers', answers)
const failed = requests.failures.length + answers.failures.length
console.log(`\n${requests.passed + answers.passed} passed, ${failed} failed`)
process.exitCode = failed === 0 ? 0 : 1
