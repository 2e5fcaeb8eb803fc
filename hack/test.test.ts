import { describe, expect, it } from 'vitest'
import { read } from './test.ts'

describe('read', () => {
  const report = { success: true, numPassedTests: 3, numFailedTests: 0, numPendingTests: 0, numTodoTests: 0 }
  it.each([
    ['all passed', report, 0, { passed: 3, failed: 0 }],
    ['some failed', { ...report, success: false, numFailedTests: 2 }, 1, { passed: 3, failed: 2 }],
    ['a file did not load', { ...report, success: false }, 1, { passed: 3, failed: 1 }],
    ['an error outside of tests', report, 1, { passed: 3, failed: 1 }],
    ['one skipped', { ...report, numPendingTests: 1 }, 0, { passed: 3, failed: 1 }],
  ])('%s', (_, given, code, expected) => {
    expect(read(given, code)).toEqual(expected)
  })
})
