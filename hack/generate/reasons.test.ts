import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { reasons } from '../../crds/index.ts'
import { explained } from './errors.ts'
import { allReasons, literalAt, reasonsIn } from './reasons.ts'

describe('literalAt', () => {
  it.each([
    ["'plain'", 'plain'],
    [String.raw`'it\'s'`, "it's"],
    ['`a ${b} c`', 'a … c'],
    ['`a ${b.map((x) => { return `${x}` }).join(`,`)} c`', 'a … c'],
    ['"two" + "parts"', 'two'],
  ])('%s', (text, value) => expect(literalAt(text, 0)?.value).toBe(value))

  it('is undefined where none is, or where it does not end', () => {
    expect(literalAt('name', 0)).toBeUndefined()
    expect(literalAt("'open", 0)).toBeUndefined()
  })
})

describe('reasonsIn', () => {
  it.each([
    ["new Refused('NoFlavor', `no ${x}`)", { code: 'NoFlavor', kind: 'Refused', message: 'no …' }],
    ["new Terminal(\n  'DiskBroken',\n  'why',\n)", { code: 'DiskBroken', kind: 'Terminal', message: 'why' }],
    ["refuse('Busy', 'why')", { code: 'Busy', kind: undefined, message: 'why' }],
    ["refuse(asked, 'NoServer', `there is no ${x}`)", { code: 'NoServer', kind: undefined, message: 'there is no …' }],
    ["{ reason: 'Bound', message: 'why' }", { code: 'Bound', kind: undefined, message: 'why' }],
    ["reason: 'Placed',\n  message: `on ${host}`", { code: 'Placed', kind: undefined, message: 'on …' }],
  ])('%s', (text, expected) => expect(reasonsIn('x.ts', text)).toEqual([expected]))

  it('refuses a code that it cannot read', () => {
    expect(() => reasonsIn('x.ts', 'new Terminal(codeOf(error), message)')).toThrow('x.ts: new Terminal(')
  })
})

// The types close the set for who writes; this says that each is written somewhere, and that the page has them all.
it('finds all there are, and no more', () => {
  const found = new Set(allReasons(join(import.meta.dirname, '../..')).map((r) => r.code))
  const listed = explained.flatMap(([names]) => names.split(', '))
  const known = new Set<string>(reasons)
  expect([...found].filter((code) => !known.has(code))).toEqual([])
  expect(reasons.filter((code) => !found.has(code) && !listed.includes(code))).toEqual([])
})
