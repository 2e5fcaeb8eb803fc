import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
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

it('finds those of the tables', () => {
  const codes = new Set(allReasons(join(import.meta.dirname, '../..')).map((r) => r.code))
  // By errors, by tables of codes, by names of kinds, by admission, by conditions.
  for (const code of ['ImageUnsafe', 'HardwareUnsupported', 'FlavorNotFound', 'ServerLocked', 'NoValidHost'])
    expect(codes).toContain(code)
})
