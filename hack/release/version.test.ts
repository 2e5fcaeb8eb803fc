import { expect, it } from 'vitest'
import { isPrerelease, isSemanticVersion } from './version.ts'

it.each(['0.1.0', '1.20.300', '1.0.0-rc.1', '1.0.0-0.x-y'])('%s is a semantic version', (version) => {
  expect(isSemanticVersion(version)).toBe(true)
})

it.each(['', '1.0', 'v1.0.0', '01.0.0', '1.0.0-', '1.0.0-01', '1.0.0+build', '1.0.0 ', '1.0.0/../x'])(
  '"%s" is no semantic version',
  (version) => {
    expect(isSemanticVersion(version)).toBe(false)
  },
)

it('knows prereleases', () => {
  expect([isPrerelease('1.0.0'), isPrerelease('1.0.0-rc.1')]).toEqual([false, true])
})
