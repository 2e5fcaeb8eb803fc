import type { Outcome } from '../../test/conformance/stestr/outcomes.ts'
import { readOutcomes } from '../../test/conformance/stestr/results-file.ts'
import { readInteropTests } from '../../test/conformance/tempest/interop.ts'
import { generatedMark, inlineCode, renderTable } from './markdown.ts'
import { type Group, renderReasons, renderTotals, renderWhy } from './outcomes.ts'

/** Tests of tempest.api.compute without these words. */
const shortName = (test: string): string => test.replace(/^tempest\.api\.compute\./, '')

export function tempestPage(): string {
  const outcomes = readOutcomes('tempest')
  const required = readInteropTests()
  const interop = outcomes.filter(({ test }) => required.has(test))
  const groups = (all: string, ofInterop: string): Group[] => [
    [all, outcomes],
    [ofInterop, interop],
  ]
  const onLibvirt = outcomes.filter(({ hosts }) => hosts === 'libvirt').length
  const mark = ({ test }: Outcome): string => (required.has(test) ? 'interop' : '')
  const rows = outcomes
    .toSorted((a, b) => a.test.localeCompare(b.test))
    .map((outcome) => [inlineCode(shortName(outcome.test)), mark(outcome), outcome.result, renderWhy(outcome)])
  return `# tempest

${generatedMark('test/conformance/tempest/results.json')}tempest of PyPI, unmodified, runs its tests of the Compute API against the shim: a real API server, controller and shim, and two agents with real code on
simulated hosts, whose domains exist only in memory. ${onLibvirt} tests, which look into a guest, run on a host with libvirt and QEMU. \`make conformance SUITE=tempest\` runs it again, and fails if a test fails or is skipped for no reason that
\`test/conformance/tempest/rules.ts\` knows, or if a test that has passed does not pass or is gone. Tests marked *interop* are those that the guideline for OpenStack Powered Compute requires.

${renderTotals(groups('all', 'interop'))}
## Reasons why tests do not pass

${renderReasons(groups('tests', 'of them interop'))}
## Each test

${renderTable(['Test', '', 'Result', 'Why'], rows)}`
}
