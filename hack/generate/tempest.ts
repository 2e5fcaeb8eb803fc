import { type Outcome, readInteropTests, readOutcomes } from '../../test/conformance/tempest/outcomes.ts'
import { type Reason, reasons } from '../../test/conformance/tempest/reasons.ts'
import { generatedMark, inlineCode, renderTable } from './markdown.ts'

/** Tests of tempest.api.compute without these words. */
const shortName = (test: string): string => test.replace(/^tempest\.api\.compute\./, '')

const countOf = (outcomes: readonly Outcome[], result: Outcome['result']): string =>
  String(outcomes.filter((outcome) => outcome.result === result).length)

const totalsOf = (name: string, outcomes: readonly Outcome[]): string[] => [
  name,
  String(outcomes.length),
  ...(['passed', 'failed', 'skipped'] as const).map((result) => countOf(outcomes, result)),
]

const whyOf = ({ reason, message }: Outcome): string =>
  [reason === undefined ? '' : reasons[reason], message === '' ? '' : inlineCode(message.replaceAll('`', "'"))]
    .filter(Boolean)
    .join(': ')

export function tempestPage(): string {
  const outcomes = readOutcomes()
  const required = readInteropTests()
  const interop = outcomes.filter(({ test }) => required.has(test))
  const waiting = (Object.keys(reasons) as Reason[]).map((reason) => [
    reasons[reason],
    ...[outcomes, interop].map((list) => String(list.filter((outcome) => outcome.reason === reason).length)),
  ])
  const onLibvirt = outcomes.filter(({ hosts }) => hosts === 'libvirt').length
  const mark = ({ test }: Outcome): string => (required.has(test) ? 'interop' : '')
  const rows = outcomes
    .toSorted((a, b) => a.test.localeCompare(b.test))
    .map((outcome) => [inlineCode(shortName(outcome.test)), mark(outcome), outcome.result, whyOf(outcome)])
  return `# tempest

${generatedMark('test/conformance/tempest/results.json')}tempest of PyPI, unmodified, runs its tests of the Compute API against the shim: a real API server, controller and shim, and two agents with real code on
simulated hosts, whose domains exist only in memory. ${onLibvirt} tests, which look into a guest, run on a host with libvirt and QEMU. \`make conformance SUITE=tempest\` runs it again, and fails if a test fails or is skipped for no reason that
\`test/conformance/tempest/reasons.ts\` knows, or if a test that has passed does not pass or is gone. Tests marked *interop* are those that the guideline for OpenStack Powered Compute requires.

${renderTable(['Tests', 'all', 'passed', 'failed', 'skipped'], [totalsOf('all', outcomes), totalsOf('interop', interop)])}
## Reasons why tests do not pass

${renderTable(['Waits for', 'tests', 'of them interop'], waiting)}
## Each test

${renderTable(['Test', '', 'Result', 'Why'], rows)}`
}
