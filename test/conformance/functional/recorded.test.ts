import { describe, expect, it } from 'vitest'
import { readOutcomes } from '../stestr/results-file.ts'
import { testRecordedOutcomes } from '../stestr/test-recorded.ts'
import { functionalRules } from './rules.ts'

describe('the recorded outcomes of the functional tests', () => {
  const recorded = readOutcomes('functional')

  testRecordedOutcomes(recorded, functionalRules)

  it.each([
    ['openstacksdk', 'openstack.tests.functional.'],
    ['python-openstackclient', 'openstackclient.tests.functional.'],
  ])('have tests of %s', (_, prefix) => {
    expect(recorded.some(({ test }) => test.startsWith(prefix))).toBe(true)
  })
})
