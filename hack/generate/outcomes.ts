/** The parts of the pages about suites of tests that other people wrote. */
import type { Outcome } from '../../test/conformance/stestr/outcomes.ts'
import { type Reason, reasons } from '../../test/conformance/stestr/reasons.ts'
import { inlineCode, renderTable } from './markdown.ts'

/** The outcomes of some of the tests. */
export type Group = readonly [name: string, outcomes: readonly Outcome[]]

const results = ['passed', 'failed', 'skipped'] as const

export const renderTotals = (groups: readonly Group[]): string =>
  renderTable(
    ['Tests', 'all', ...results],
    groups.map(([name, outcomes]) => [
      name,
      String(outcomes.length),
      ...results.map((wanted) => String(outcomes.filter(({ result }) => result === wanted).length)),
    ]),
  )

/** A table with a row for each reason, and a column for each group. */
export function renderReasons(groups: readonly Group[]): string {
  const rows = (Object.keys(reasons) as Reason[])
    .map((reason) => ({
      reason,
      counts: groups.map(([, outcomes]) => outcomes.filter((outcome) => outcome.reason === reason).length),
    }))
    .filter(({ counts }) => counts.some((count) => count > 0))
  return renderTable(
    ['Waits for', ...groups.map(([name]) => name)],
    rows.map(({ reason, counts }) => [reasons[reason], ...counts.map(String)]),
  )
}

/** The reason why a test did not pass, with the message that says so. */
export const renderWhy = ({ reason, message }: Outcome): string =>
  [reason === undefined ? '' : reasons[reason], inlineCode(message.replaceAll('`', "'"))].filter(Boolean).join(': ')
