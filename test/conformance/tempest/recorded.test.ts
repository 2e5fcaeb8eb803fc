import { describe, expect, it } from 'vitest'
import { explainResult } from '../stestr/outcomes.ts'
import { readOutcomes } from '../stestr/results-file.ts'
import { testRecordedOutcomes } from '../stestr/test-recorded.ts'
import { readInteropTests } from './interop.ts'
import { tempestRules } from './rules.ts'

describe('the recorded outcomes of tempest', () => {
  const recorded = readOutcomes('tempest')

  testRecordedOutcomes(recorded, tempestRules)

  it('have all tests of the guideline', () => {
    const tests = new Set(recorded.map(({ test }) => test))
    expect(readInteropTests().size).toBe(81)
    expect([...readInteropTests()].filter((test) => !tests.has(test))).toEqual([])
  })
})

describe('the rules of tempest', () => {
  it.each([
    ['a.compute.security_groups.B.test_1', "Details: {'code': 404, 'message': 'The resource could not be found.'}"],
    [
      'a.test_remove_server_all_security_groups',
      "Details: {'code': 400, 'message': 'Security group default cannot be removed from instance 1.'}",
    ],
  ])('explain a failure of %s by its message only', (test, message) => {
    const explain = (text: string) =>
      explainResult({ test, result: 'failed', message: text }, 'simulated', tempestRules).reason
    expect(explain(message)).toBe('securityGroups')
    expect(explain("Details: {'code': 500, 'message': 'Internal Server Error'}")).toBeUndefined()
    expect(explain('has no result')).toBeUndefined()
  })
})
