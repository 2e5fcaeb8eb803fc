import { expect, it } from 'vitest'
import { badObjects } from '../test/bad-objects.ts'
import { schemaProblems } from '../test/manifests.ts'

it.each(badObjects.filter(({ by }) => by === 'schema'))('the schema alone refuses $title', ({ object, before }) => {
  expect(schemaProblems(object)).not.toEqual([])
  if (before) expect(schemaProblems(before)).toEqual([])
})

it.each(badObjects.filter(({ by }) => by === 'rule'))('the schema alone takes $title', ({ object, before }) => {
  expect(schemaProblems(object)).toEqual([])
  if (before) expect(schemaProblems(before)).toEqual([])
})
