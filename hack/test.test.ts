import { describe, expect, it } from 'vitest'
import { countTests } from './test.ts'

describe('countTests', () => {
  const report = { success: true, numPassedTests: 3, numFailedTests: 0, numPendingTests: 0, numTodoTests: 0 }
  it.each([
    ['counts passed tests', report, 0, { passed: 3, failed: 0 }],
    ['counts failed tests', { ...report, success: false, numFailedTests: 2 }, 1, { passed: 3, failed: 2 }],
    ['counts a file that did not load as failed', { ...report, success: false }, 1, { passed: 3, failed: 1 }],
    ['counts an error outside of tests as failed', report, 1, { passed: 3, failed: 1 }],
    ['counts a skipped test as failed', { ...report, numPendingTests: 1 }, 0, { passed: 3, failed: 1 }],
  ])('%s', (_, given, code, expected) => {
    expect(countTests(given, code)).toEqual(expected)
  })
})
