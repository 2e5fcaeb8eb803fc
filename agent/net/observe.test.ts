import { describe, expect, test } from 'vitest'
import { areNamespacesUnchanged, type Devices } from './observe.ts'
import { KEY, link, links } from './testing.ts'

const OTHER = 'ffffffff0000'
const device = link(`kd${KEY}`, { index: 7 })
const good: Devices = { links: links(device), namespaces: new Map([[KEY, { device }]]) }

describe('areNamespacesUnchanged', () => {
  test.each<[string, Devices, Devices['links'], string[], boolean]>([
    ['true when all is as it was', good, links(device), [KEY], true],
    ['true when no network is asked about', good, links(device), [], true],
    ['true for a network without a namespace', good, links(device), [OTHER], true],
    [
      'false when a network without a namespace has a device',
      good,
      links(device, { ...device, name: `kd${OTHER}` }),
      [OTHER],
      false,
    ],
    [
      'false when a namespace was not entered',
      { ...good, namespaces: new Map([[KEY, 'unread']]) },
      links(device),
      [KEY],
      false,
    ],
    [
      'false when a namespace was broken',
      { ...good, namespaces: new Map([[KEY, 'broken']]) },
      links(device),
      [KEY],
      false,
    ],
    ['false when the pair is gone, as after its namespace was deleted', good, links(), [KEY], false],
    ['false when the outer end is another device', good, links({ ...device, index: 9 }), [KEY], false],
    ['false when the outer end has no carrier', good, links({ ...device, carrier: false }), [KEY], false],
    ['false when the outer end is down', good, links({ ...device, up: false }), [KEY], false],
    ['false when a network that is not asked about lost its namespace', good, links(), [], false],
  ])('%s', (_, previous, now, keys, unchanged) => {
    expect(areNamespacesUnchanged(previous, now, new Set(keys))).toBe(unchanged)
  })
})
