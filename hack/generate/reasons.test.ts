import { expect, it } from 'vitest'
import { root } from '../command.ts'
import { quotedWords, unusedReasons } from './reasons.ts'

it('quotedWords finds words in quotes, and those that a template makes', () => {
  const text = "requireFound('Flavor', name)\nthrow new Refused(`${kind}NotFound`, message)\nreason: 'DiskFull'"
  expect([...quotedWords(text)].toSorted()).toEqual(['DiskFull', 'DiskFullNotFound', 'Flavor', 'FlavorNotFound'])
})

it('unusedReasons finds none', () => {
  expect(unusedReasons(root)).toEqual([])
})
