import { expect, test } from 'vitest'
import { supportsMachineType } from './machine-type.ts'

test.each([
  [['pc', 'q35'], 8_002_000, 'q35', true],
  [['pc', 'q35'], 8_002_000, 'pc', true],
  [['pc'], 8_002_000, 'q35', false],
  [['pc', 'q35'], 8_002_000, 'pc-q35-8.2', true],
  [['pc', 'q35'], 8_002_000, 'pc-q35-9.0', false],
  [['pc', 'q35'], 8_002_000, 'pc-i440fx-6.1', true],
  [['q35'], 8_002_000, 'pc-i440fx-6.1', false],
  [['pc', 'q35'], 0, 'pc-q35-9.0', true],
  [['pc', 'q35'], 8_002_000, 'pc-q35-rhel9.2.0', true],
  [['virt'], 8_002_000, 'virt-8.0', true],
  [['virt'], 8_002_000, 'virt-10.0', false],
  [['microvm'], 8_002_000, 'microvm', true],
  [[], 8_002_000, 'q35', false],
])('supportsMachineType: %j with QEMU %j supports %s: %j', (reported, qemu, name, expected) => {
  expect(supportsMachineType(reported, qemu, name)).toBe(expected)
})
