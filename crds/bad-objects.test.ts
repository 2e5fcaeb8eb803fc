import { expect, it } from 'vitest'
import { badObjects } from '../test/bad-objects.ts'
import { findSchemaProblems } from '../test/manifests.ts'

it.each(badObjects.filter(({ by }) => by === 'schema'))('the schema alone rejects $title', ({ object, before }) => {
  expect(findSchemaProblems(object)).not.toEqual([])
  if (before) expect(findSchemaProblems(before)).toEqual([])
})

it.each(badObjects.filter(({ by }) => by === 'rule'))('the schema alone accepts $title', ({ object, before }) => {
  expect(findSchemaProblems(object)).toEqual([])
  if (before) expect(findSchemaProblems(before)).toEqual([])
})
