import { describe, expect, test } from 'vitest'
import { type Devices, sameNamespaces } from './observe.ts'
import { KEY, link, links } from './testing.ts'

const OTHER = 'ffffffff0000'
const device = link(`kd${KEY}`, { index: 7 })
const good: Devices = { links: links(device), namespaces: new Map([[KEY, { device }]]) }

describe('namespaces are looked at again', () => {
  test.each<[string, Devices, Devices['links'], string[], boolean]>([
    ['not where all is as it was', good, links(device), [KEY], true],
    ['not where none is asked about', good, links(device), [], true],
    ['not for a network that had none', good, links(device), [OTHER], true],
    [
      'where a network that had none has a device',
      good,
      links(device, { ...device, name: `kd${OTHER}` }),
      [OTHER],
      false,
    ],
    ['where one was not looked into', { ...good, namespaces: new Map([[KEY, 'unread']]) }, links(device), [KEY], false],
    ['where one was broken', { ...good, namespaces: new Map([[KEY, 'broken']]) }, links(device), [KEY], false],
    ['where the pair is gone, for the namespace is', good, links(), [KEY], false],
    ['where the pair is another', good, links({ ...device, index: 9 }), [KEY], false],
    ['where the other end is down', good, links({ ...device, carrier: false }), [KEY], false],
    ['where it is down', good, links({ ...device, up: false }), [KEY], false],
    ['where one that nobody asked about is gone', good, links(), [], false],
  ])('%s', (_, before, now, keys, same) => {
    expect(sameNamespaces(before, now, new Set(keys))).toBe(same)
  })
})
