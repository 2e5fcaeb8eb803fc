import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { buildDomain } from './build.ts'
import { examples, host, input, instance } from './examples.ts'
import { parseDomain } from './testing.ts'

describe('golden domains (vitest -u writes them anew)', () => {
  test.each(Object.entries(examples))('%s', async (name, example) => {
    await expect(buildDomain(example)).toMatchFileSnapshot(`testdata/${name}.xml`)
  })

  test.each(Object.entries(examples))('%s is read back', (_, example) => {
    const facts = parseDomain(buildDomain(example))
    expect(facts).toMatchObject({
      type: example.host.domainType,
      name: example.guest.name,
      uuid: example.instance.uuid,
      vcpus: 2,
      ram: 2048,
      mark: example.guest.mark,
      consoleLog: example.paths.consoleLog,
    })
    const { rootDisk, ephemeral, swap, configDrive } = example.paths
    expect(facts.disks.map((d) => d.source)).toEqual(
      [rootDisk.path, ephemeral?.path, swap?.path, configDrive].filter((p) => p !== undefined),
    )
    expect(facts.interfaces.map(({ mac, tap, bridge }) => [mac, tap, bridge])).toEqual(
      example.interfaces.map((i) => [i.macAddress, i.tap, i.bridge]),
    )
    expect(new Set(facts.disks.map((d) => d.target)).size).toBe(facts.disks.length)
  })
})

test('any title leaves a domain that can be read, without control characters', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (title) => {
      const base = input()
      const facts = parseDomain(buildDomain({ ...base, guest: { ...base.guest, title, description: title } }))
      expect(facts.name).toBe(base.guest.name)
      // oxlint-disable-next-line no-control-regex
      expect(facts.title ?? '').not.toMatch(/[\u0000-\u001f]/)
    }),
    { numRuns: 50 },
  )
})

describe('what the host cannot do is a Terminal error', () => {
  const cases = [
    ['IDE without IDE', input({ instance: instance({ hw_disk_bus: 'ide' }) }), 'UnsupportedHardware', /sata/],
    [
      'unknown bus',
      input({ instance: instance({ hw_disk_bus: 'floppy' }) }),
      'UnsupportedHardware',
      /hw_disk_bus is floppy/,
    ],
    ['unknown NIC', input({ instance: instance({ hw_vif_model: 'vmxnet9' }) }), 'UnsupportedHardware', /hw_vif_model/],
    [
      'no UEFI here',
      input({ instance: instance({ hw_firmware_type: 'uefi' }), host: host({ firmware: ['bios'] }) }),
      'FirmwareUnavailable',
      /only with bios/,
    ],
    [
      'control character in a path',
      input({ paths: { ...input().paths, consoleLog: '/a\u0001b' } }),
      'InvalidCharacter',
      /U\+0001/,
    ],
  ] as const
  test.each(cases)('%s', (_, example, code, message) => {
    expect(() => buildDomain(example)).toThrow(
      expect.objectContaining({ kind: 'Terminal', code, message: expect.stringMatching(message) }),
    )
  })
})
