import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { buildDomain } from './build.ts'
import { domainExamples, makeDomainInput, makeHostFacts, makeInstance } from './examples.ts'
import { parseDomain } from './testing.ts'

describe('buildDomain (vitest -u writes the expected XML anew)', () => {
  test.each(Object.entries(domainExamples))('builds the expected XML for %s', async (name, example) => {
    await expect(buildDomain(example)).toMatchFileSnapshot(`testdata/${name}.xml`)
  })

  test.each(Object.entries(domainExamples))('builds XML for %s that reads back as its input', (_, example) => {
    const facts = parseDomain(buildDomain(example))
    expect(facts).toMatchObject({
      type: example.host.domainType,
      name: example.guest.name,
      uuid: example.instance.uuid,
      vcpus: 2,
      ramMiB: 2048,
      owner: example.guest.owner,
      consoleLog: example.paths.consoleLog,
    })
    const { rescueDisk, rootDisk, ephemeral, swap, configDrive } = example.paths
    expect(facts.disks.map(({ source }) => source)).toEqual(
      [rescueDisk?.path, rootDisk.path, ephemeral?.path, swap?.path, configDrive].filter((path) => path !== undefined),
    )
    expect(facts.interfaces.map(({ mac, tap, bridge }) => [mac, tap, bridge])).toEqual(
      example.interfaces.map(({ macAddress, tap, bridge }) => [macAddress, tap, bridge]),
    )
    expect(new Set(facts.disks.map(({ target }) => target)).size).toBe(facts.disks.length)
  })
})

test('buildDomain writes readable XML without control characters for any title', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (title) => {
      const base = makeDomainInput()
      const facts = parseDomain(buildDomain({ ...base, guest: { ...base.guest, title, description: title } }))
      expect(facts.name).toBe(base.guest.name)
      // oxlint-disable-next-line no-control-regex
      expect(facts.title ?? '').not.toMatch(/[\u0000-\u001f]/)
    }),
    { numRuns: 50 },
  )
})

describe('buildDomain throws Terminal', () => {
  const cases = [
    [
      'for an IDE disk on a machine without IDE',
      makeDomainInput({ instance: makeInstance({ hw_disk_bus: 'ide' }) }),
      'UnsupportedHardware',
      /sata/,
    ],
    [
      'for an unknown disk bus',
      makeDomainInput({ instance: makeInstance({ hw_disk_bus: 'floppy' }) }),
      'UnsupportedHardware',
      /hw_disk_bus is floppy/,
    ],
    [
      'for an unknown model of network card',
      makeDomainInput({ instance: makeInstance({ hw_vif_model: 'vmxnet9' }) }),
      'UnsupportedHardware',
      /hw_vif_model/,
    ],
    [
      'for UEFI on a host without it',
      makeDomainInput({
        instance: makeInstance({ hw_firmware_type: 'uefi' }),
        host: makeHostFacts({ firmware: ['bios'] }),
      }),
      'FirmwareUnavailable',
      /only with bios/,
    ],
    [
      'for a control character in a path',
      makeDomainInput({ paths: { ...makeDomainInput().paths, consoleLog: '/a\u0001b' } }),
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

test('buildDomain gives each virtual CPU a socket when image and flavor contradict each other', () => {
  const flavor = { vcpus: 3, extraSpecs: { 'hw:cpu_max_cores': '1' } }
  const instance = makeInstance({ hw_cpu_cores: '2' }, flavor)
  expect(buildDomain(makeDomainInput({ instance }))).toContain('<topology sockets="3" cores="1" threads="1"/>')
})
