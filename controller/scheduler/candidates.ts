/** Which hosts could take a server: each filter asked as seldom as what it sees allows. */
import type { HostTest, PreparedFilter } from './filter.ts'
import type { HostTable } from './host-table.ts'

/** Rows of the hosts that pass all tests, in memory of the table's: valid until the next placement. */
export function candidates(prepared: readonly PreparedFilter[], table: HostTable): Uint32Array {
  const rows = table.scratch()
  let count = ofRightKind(prepared, table, rows)
  for (const filter of prepared) {
    if (filter.sees === 'room') count = withRoom(table.room(filter.room), filter.test.wanted, rows, count)
  }
  for (const filter of prepared) if (filter.sees === 'host') count = passing(filter.test, table, rows, count)
  return rows.subarray(0, count)
}

/** Fills `rows`; answers how many. */
function ofRightKind(prepared: readonly PreparedFilter[], table: HostTable, rows: Uint32Array): number {
  const tests = prepared.flatMap((filter) => (filter.sees === 'kind' ? [filter.test] : []))
  const passes = Uint8Array.from(table.kinds(), (kind) => (kind && tests.every((test) => test.passes(kind)) ? 1 : 0))
  const { kindOf, views } = table
  let count = 0
  for (let row = 0; row < views.length; row++) if (passes[kindOf[row] ?? 0] === 1) rows[count++] = row
  return count
}

/** Keeps those with enough room. */
function withRoom(room: Float64Array, wanted: number, rows: Uint32Array, count: number): number {
  let kept = 0
  for (let i = 0; i < count; i++) {
    const row = rows[i] ?? 0
    if (wanted <= (room[row] ?? -1)) rows[kept++] = row
  }
  return kept
}

function passing(test: HostTest, { views }: HostTable, rows: Uint32Array, count: number): number {
  let kept = 0
  for (let i = 0; i < count; i++) {
    const row = rows[i] ?? 0
    const view = views[row]
    if (view && test.passes(view)) rows[kept++] = row
  }
  return kept
}
