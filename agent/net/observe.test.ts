import { describe, expect, test } from 'vitest'
import { areNamespacesUnchanged, type Devices } from './observe.ts'
import { createLink, KEY, linksByName } from './testing.ts'

const OTHER = 'ffffffff0000'
const device = createLink(`kd${KEY}`, { index: 7 })
const good: Devices = { links: linksByName(device), namespaces: new Map([[KEY, { device }]]) }

describe('areNamespacesUnchanged', () => {
  test.each<[string, Devices, Devices['links'], string[], boolean]>([
    ['true when all is as it was', good, linksByName(device), [KEY], true],
    ['true when no network is asked about', good, linksByName(device), [], true],
    ['true for a network without a namespace', good, linksByName(device), [OTHER], true],
    [
      'false when a network without a namespace has a device',
      good,
      linksByName(device, { ...device, name: `kd${OTHER}` }),
      [OTHER],
      false,
    ],
    [
      'false when a namespace was not entered',
      { ...good, namespaces: new Map([[KEY, 'unread']]) },
      linksByName(device),
      [KEY],
      false,
    ],
    [
      'false when a namespace was broken',
      { ...good, namespaces: new Map([[KEY, 'broken']]) },
      linksByName(device),
      [KEY],
      false,
    ],
    ['false when the pair is gone, as after its namespace was deleted', good, linksByName(), [KEY], false],
    ['false when the outer end is another device', good, linksByName({ ...device, index: 9 }), [KEY], false],
    ['false when the outer end has no carrier', good, linksByName({ ...device, carrier: false }), [KEY], false],
    ['false when the outer end is down', good, linksByName({ ...device, up: false }), [KEY], false],
    ['false when a network that is not asked about lost its namespace', good, linksByName(), [], false],
  ])('%s', (_, previous, now, keys, unchanged) => {
    expect(areNamespacesUnchanged(previous, now, new Set(keys))).toBe(unchanged)
  })
})
