import { expect, test } from 'vitest'
import { parseVersion } from './host-view.ts'
import { versionSatisfies } from './version-predicate.ts'

test.each([
  ['6.0.0', '>=6.0,<6.2', true],
  ['6.0.0', '>=6.2', false],
  ['6.2.0', '>=6.0,<6.2', false],
  ['7.2.11', '>= 7.2.9', true],
  ['7.2.11', '==7.2.11', true],
  ['7.2.11', '!=7.2.11', false],
  ['10.0.0', '>9', true],
  ['9.0.0', '<=9', true],
  ['9.0.0', '~=9', false],
  ['9.0.0', '', false],
])('versionSatisfies: %s satisfies %j: %j', (version, requirement, expected) => {
  expect(versionSatisfies(parseVersion(version), requirement)).toBe(expected)
})
