import { describe, expect, it } from 'vitest'
import { findProblems } from './rules.ts'
import { parseSource } from './source.ts'

const check = (text: string, path = 'kube/x.ts'): string[] =>
  findProblems(parseSource(path, text)).map(({ line, message }) => `${line}: ${message}`)

describe('findProblems finds', () => {
  it.each<[string, string, string[]]>([
    [
      'an exported function of one word',
      '\nexport function settle() {}',
      ['2: exported function settle: name it by verb and object'],
    ],
    [
      'an exported arrow function of one word',
      'export const covers = (a: number) => a',
      ['1: exported function covers: name it by verb and object'],
    ],
    ['a comment beyond column 120', `const a = 1\n// ${'word '.repeat(24)}`, ['2: the comment goes beyond column 120']],
    [
      'a line of a doc comment beyond column 120',
      `/**\n * Short.\n * ${'word '.repeat(24)}\n */`,
      ['3: the comment goes beyond column 120'],
    ],
    [
      'a comment that opens with Whose',
      '/** Whose host this is. */',
      ['1: a sentence opens with "Whose": begin with its subject'],
    ],
    [
      'a second sentence that opens with Of, on the next line',
      '// The first is used.\n// Of two the older one is.',
      ['2: a sentence opens with "Of": begin with its subject'],
    ],
    [
      'a test title that opens with what',
      "it('what is gone stays gone', () => {})",
      ['1: a sentence opens with "what": begin with its subject'],
    ],
    ['a replaced word inside an identifier', 'const allWishes = 1', ['1: "wishes": say desired (desiredPower)']],
    ['a replaced word in a comment', '// The leftovers are removed.', ['1: "leftovers": say orphan']],
  ])('%s', (_, text, problems) => {
    expect(check(text)).toEqual(problems)
  })

  it('a replaced word in the path', () => {
    expect(check('', 'test/sim/deeds.ts')).toEqual(['1: "deeds": say action, or action request'])
  })
})

describe('findProblems accepts', () => {
  it.each<[string, string]>([
    ['a known function of one word', 'export const reconcile = () => 1'],
    ['a constant of one word that is no function', 'export const done = { kind: 1 }'],
    ['a function of one word that is not exported', 'function settle() {}'],
    ['a method of one word', 'export class Queue { take() {} }'],
    ['a long line of code', `const a = '${'word '.repeat(30)}'`],
    ['the banned words inside a sentence', '// The agent of the host knows who holds it, and what for.'],
    ['a test title with a subject', "it('rejects a request whose host is down', () => {})"],
    ['comment marks inside a string', "const url = 'https://example.com // Who?'"],
  ])('%s', (_, text) => {
    expect(check(text)).toEqual([])
  })
})
