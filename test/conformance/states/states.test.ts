// Compares what the shim answers to each change of a server, in each state, with what Nova answers (actions.yaml).
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { StateCloud, type View } from './cloud.ts'
import { type ActionTable, type Case, readTables } from './table.ts'

let cloud: StateCloud
beforeAll(async () => {
  cloud = await new StateCloud().start()
})
afterAll(() => cloud[Symbol.asyncDispose]())

const tables = readTables()

const labelOf = ({ situation: { by, vmState, task = 'no task', locked, isUnbuilt } }: Case): string =>
  [by, vmState, task, locked ? 'locked' : 'not locked', ...(isUnbuilt ? ['without host'] : [])].join(', ')

function expectedOf({ effect, effectHere }: ActionTable, { here, situation }: Case, before: View): object {
  if (here.status >= 300) return { ...here, view: before, writes: [] }
  const change = effectHere[situation.vmState] ?? effect
  return { ...here, view: { ...before, ...change } }
}

describe('the state table', () => {
  it('has each change in 12 states, with and without task and lock, for three users', () => {
    expect(tables).toHaveLength(46)
    for (const { action, cases } of tables) expect(cases.length, action).toBeGreaterThanOrEqual(12 * 9 + 2)
  })

  it('has each difference from Nova in docs/conformance.md', () => {
    const page = readFileSync(join(import.meta.dirname, '../../../docs/conformance.md'), 'utf8')
    const differs = tables.filter(({ cases }) => cases.some(({ nova, here }) => nova.status !== here.status))
    expect(differs).toHaveLength(23)
    const changes = page.split('\n').flatMap((line) => /^\| ([^|]+) \|/.exec(line)?.[1] ?? [])
    const listed = changes.flatMap((change) => change.split(', '))
    const isListed = (action: string): boolean => listed.some((text) => `${text} `.startsWith(`${action} `))
    expect(differs.map(({ action }) => action).filter((action) => !isListed(action))).toEqual([])
  })

  it.each(tables)('has what the shim does for $action', async (table) => {
    for (const each of table.cases) {
      const { message, before, after, status, writes } = await cloud.perform(table, each.situation)
      const expected = expectedOf(table, each, before)
      const found = { status, message, view: after, writes }
      expect(found, labelOf(each)).toMatchObject(expected)
    }
  })
})
