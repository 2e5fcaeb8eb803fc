import { expect, test } from 'vitest'
import type { Flavor, Image } from '../crds/index.ts'
import { findBootProblems } from './boot-problems.ts'

const makeFlavor = (spec: Partial<Flavor['spec']>): Flavor => ({
  apiVersion: 'compute.kubenova.io/v1alpha1',
  kind: 'Flavor',
  metadata: { name: 'small' },
  spec: { vcpus: 1, ram: 1024, disk: 10, ephemeral: 0, swap: 0, isPublic: true, ...spec },
})
const makeImage = (spec: Partial<Image['spec']>): Image => ({
  apiVersion: 'compute.kubenova.io/v1alpha1',
  kind: 'Image',
  metadata: { namespace: 'images', name: 'debian' },
  spec: { url: 'https://a/b', format: 'qcow2', minDisk: 0, minRam: 0, visibility: 'public', ...spec },
})

test.each([
  [{}, {}, []],
  [{ isPublic: false, access: ['other', 'ns'] }, {}, []],
  [
    { isPublic: false, access: ['other'] },
    {},
    [
      'FlavorNotAllowed: Flavor small is not public and its access does not name ns: choose another flavor, or ask for access',
    ],
  ],
  [
    {},
    { visibility: 'private' as const },
    ['ImageNotAllowed: Image images/debian is private to its namespace: its owner can set visibility: public'],
  ],
  [{ ram: 2048 }, { minRam: 2048 }, []],
  [
    {},
    { minRam: 2048 },
    [
      'FlavorMemoryTooSmall: Flavor small has 1024 MiB of memory and Image debian needs at least 2048 MiB: choose a larger flavor',
    ],
  ],
  [{}, { minDisk: 10 }, []],
  [{ disk: 0 }, { minDisk: 20 }, []],
  [{ vcpus: 4, extraSpecs: { 'hw:cpu_max_sockets': '2' } }, { properties: { hw_cpu_max_sockets: '1' } }, []],
  [
    { vcpus: 4, extraSpecs: { 'hw:cpu_max_sockets': '2' } },
    { properties: { hw_cpu_sockets: '4' } },
    [
      'InvalidCpuTopology: Flavor small and Image debian: hw_cpu_sockets of the image is 4, and the limit allows 2 sockets: change the property, or take another flavor',
    ],
  ],
  [
    {},
    { minDisk: 11 },
    [
      'FlavorDiskTooSmall: Flavor small has a root disk of 10 GiB and Image debian needs at least 11 GiB: choose a flavor with a larger disk',
    ],
  ],
])('findBootProblems: flavor %j, image %j', (flavor, image, expected) => {
  const found = findBootProblems({ flavor: makeFlavor(flavor), image: makeImage(image), namespace: 'ns' })
  expect(found.map((r) => `${r.code}: ${r.message}`)).toEqual(expected)
})

test('findBootProblems allows a private image of the own namespace and returns all problems at once', () => {
  const own = makeImage({ visibility: 'private', minRam: 9999, minDisk: 99 })
  expect(findBootProblems({ flavor: makeFlavor({}), image: own, namespace: 'images' }).map((r) => r.code)).toEqual([
    'FlavorMemoryTooSmall',
    'FlavorDiskTooSmall',
  ])
})
