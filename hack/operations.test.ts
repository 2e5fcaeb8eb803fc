// operations.md has every condition, reason, event, metric and time limit of the code, and no other.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { actions } from '../actions/index.ts'
import { AgentOptions } from '../agent/options.ts'
import { ControllerOptions } from '../controller/options.ts'
import { transientStateLimits } from '../controller/overdue.ts'
import { conditionTypes, reasons } from '../crds/index.ts'
import { root } from '../test/manifests.ts'
import { allMetrics } from './generate/metrics.ts'

const text = readFileSync(join(root, 'docs/guide/operations.md'), 'utf8')

function sectionText(title: string): string {
  const [, after] = text.split(`\n## ${title}\n`)
  if (after === undefined) throw new Error(`no section ${title}`)
  return after.split('\n## ')[0] ?? ''
}

function tableRows(title: string): { words: string[]; cells: string[] }[] {
  return [...sectionText(title).matchAll(/^\| (`.*?) \|(.*)\|$/gm)].map(([, first = '', rest = '']) => ({
    words: [...first.matchAll(/`([^`]+)`/g)].map(([, word = '']) => word),
    cells: rest.split('|').map((cell) => cell.trim()),
  }))
}
const wordsInTable = (title: string): string[] => tableRows(title).flatMap((row) => row.words)
const sortedNames = (list: Iterable<string>): string[] => [...list].toSorted((a, b) => a.localeCompare(b))

const capitalized = (name: string): string => `${name.charAt(0).toUpperCase()}${name.slice(1)}`
/** Makes `TriggerCrashDump` from `trigger_crash_dump`. */
const toEventReason = (name: string): string => name.split('_').map(capitalized).join('')
const metrics = allMetrics()

describe('the tables of operations.md', () => {
  const tables: [title: string, inCode: Iterable<string>][] = [
    ['Conditions', conditionTypes],
    ['Reasons', reasons],
    ['Events', [...Object.keys(actions).map(toEventReason), 'DeletionPending', 'DeletedWithoutHost']],
    ['Metrics', metrics.map(({ name }) => name)],
    ['Time limits', Object.keys(transientStateLimits)],
  ]
  it.each(tables)('%s has every value of the code once and no other', (title, inCode) =>
    expect(sortedNames(wordsInTable(title))).toEqual(sortedNames(inCode)),
  )

  it('has no empty cell', () => {
    for (const [title] of tables)
      for (const row of tableRows(title))
        expect(
          row.cells.every((cell) => cell !== ''),
          row.words.join(),
        ).toBe(true)
  })
})

it('operations.md has the time limits of the code', () => {
  const documented = tableRows('Time limits').map(({ words: [state = ''], cells }) => [state, Number(cells[0])])
  expect(Object.fromEntries(documented)).toEqual(transientStateLimits)
})

it('operations.md names the programs that have each metric', () => {
  for (const { words: names, cells } of tableRows('Metrics'))
    for (const name of names) {
      const programs = metrics.find((m) => m.name === name)?.programs ?? []
      const documented = cells[0]?.split(' ').map((letter) => (letter === 'C' ? 'controller' : 'agent')) ?? []
      expect(programs, name).toEqual(expect.arrayContaining(documented))
    }
})

it('operations.md names only existing options', () => {
  const flag = (name: string): string => `--${name.replaceAll(/[A-Z]/g, (c) => `-${c.toLowerCase()}`)}`
  const options = [AgentOptions, ControllerOptions].flatMap(({ properties }) => Object.keys(properties).map(flag))
  const named = [...text.matchAll(/`(--[a-z-]+)`/g)].map(([, name]) => name)
  expect(named.length).toBeGreaterThan(5)
  expect(named.filter((name) => name === undefined || !options.includes(name))).toEqual([])
})
