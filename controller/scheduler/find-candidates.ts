import type { HostTest, PreparedFilter } from './filter.ts'
import type { HostTable } from './host-table.ts'

/** The rows (indexes in the table) of the hosts that pass all tests. The next call overwrites the returned array. */
export function findCandidates(prepared: readonly PreparedFilter[], table: HostTable): Uint32Array {
  const rows = table.scratch()
  let count = collectRowsOfPassingClasses(prepared, table, rows)
  for (const filter of prepared) {
    if (filter.scope === 'capacity')
      count = keepByCapacity(table.freeCapacity(filter.resource), filter.test.wanted, rows, count)
  }
  for (const filter of prepared) if (filter.scope === 'host') count = keepByHost(filter.test, table, rows, count)
  return rows.subarray(0, count)
}

/**
 * Tests each class of hosts once. Writes the rows of hosts whose class passes all tests into `rows`, and returns their
 * number.
 */
function collectRowsOfPassingClasses(prepared: readonly PreparedFilter[], table: HostTable, rows: Uint32Array): number {
  const tests = prepared.flatMap((filter) => (filter.scope === 'class' ? [filter.test] : []))
  const passes = Uint8Array.from(table.classes(), (facts) => (facts && tests.every((t) => t.passes(facts)) ? 1 : 0))
  const { classIds, views } = table
  let count = 0
  for (let row = 0; row < views.length; row++) if (passes[classIds[row] ?? 0] === 1) rows[count++] = row
  return count
}

/** Moves the rows with enough free capacity to the front of `rows`. Returns the number of these rows. */
function keepByCapacity(free: Float64Array, wanted: number, rows: Uint32Array, count: number): number {
  let kept = 0
  for (let i = 0; i < count; i++) {
    const row = rows[i] ?? 0
    if (wanted <= (free[row] ?? -1)) rows[kept++] = row
  }
  return kept
}

/** Moves the rows whose host passes the test to the front of `rows`. Returns the number of these rows. */
function keepByHost(test: HostTest, { views }: HostTable, rows: Uint32Array, count: number): number {
  let kept = 0
  for (let i = 0; i < count; i++) {
    const row = rows[i] ?? 0
    const view = views[row]
    if (view && test.passes(view)) rows[kept++] = row
  }
  return kept
}
