import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import {
  capabilityStatusOf,
  formatCpuList,
  parseDomainCapabilities,
  parseHostCapabilities,
  parseVifModels,
} from './capabilities.ts'

const data = (name: string) => readFileSync(new URL(`testdata/host/${name}`, import.meta.url), 'utf8')

describe('with the capabilities of libvirt 9.0 and QEMU 7.2', () => {
  const host = parseHostCapabilities(data('capabilities.xml'))
  const domains = ['pc-qemu', 'q35-qemu'].map((name) =>
    parseDomainCapabilities(data(`domain-capabilities-${name}.xml`)),
  )

  test('parseHostCapabilities reads CPU, NUMA cells and guests', () => {
    expect(host).toMatchObject({
      arch: 'x86_64',
      cpu: { model: 'Broadwell-noTSX-IBRS', vendor: 'Intel', sockets: 1, cores: 2, threads: 1 },
      numa: [{ id: 0, memory: 8410, cpus: '0-1' }],
    })
    expect(host.cpu.features).toEqual(['f16c', 'ht', 'osxsave', 'rdrand', 'ss', 'vme'])
    expect(host.guests.map(({ arch, emulator, domainTypes }) => [arch, emulator, domainTypes])).toEqual([
      ['i686', '/usr/bin/qemu-system-i386', ['kvm', 'qemu']],
      ['x86_64', '/usr/bin/qemu-system-x86_64', ['kvm', 'qemu']],
    ])
  })

  test('parseDomainCapabilities reads firmware and disk buses', () => {
    expect(domains[1]).toEqual({ uefi: true, diskBuses: ['fdc', 'scsi', 'virtio', 'usb', 'sata'] })
  })

  test("capabilityStatusOf gives the fields of the Hypervisor's status", () => {
    expect(capabilityStatusOf(host, domains, 'qemu', data('qemu-network-devices.txt'))).toMatchObject({
      arch: 'x86_64',
      domainType: 'qemu',
      machineTypes: ['isapc', 'microvm', 'pc', 'q35'],
      firmware: ['bios', 'uefi'],
      diskBuses: ['fdc', 'ide', 'sata', 'scsi', 'usb', 'virtio'],
      vifModels: ['e1000', 'e1000e', 'ne2k_pci', 'pcnet', 'rtl8139', 'virtio'],
    })
    expect(capabilityStatusOf(host, [], 'qemu')).toMatchObject({ firmware: ['bios'], diskBuses: [] })
    expect(capabilityStatusOf(host, [], 'qemu')).not.toHaveProperty('vifModels')
  })
})

test('parseHostCapabilities counts the sockets of all NUMA cells', () => {
  const cpu = (id: number, socket: number) => `<cpu id='${id}' socket_id='${socket}' core_id='${id}' siblings='${id}'/>`
  const cell = (id: number, first: number) =>
    `<cell id='${id}'><memory unit='KiB'>1048576</memory><cpus num='2'>${cpu(first, id)}${cpu(first + 2, id)}</cpus></cell>`
  const xml = `<capabilities><host><cpu><arch>x86_64</arch><topology sockets='1' dies='1' cores='2' threads='1'/></cpu>
    <topology><cells num='2'>${cell(0, 0)}${cell(1, 1)}</cells></topology></host></capabilities>`
  expect(parseHostCapabilities(xml)).toMatchObject({
    cpu: { sockets: 2, cores: 2, threads: 1, features: [] },
    numa: [
      { id: 0, memory: 1024, cpus: '0,2' },
      { id: 1, memory: 1024, cpus: '1,3' },
    ],
  })
})

test.each([
  [[], ''],
  [[3], '3'],
  [[7, 0, 1, 2, 2], '0-2,7'],
  [[0, 2, 4, 5], '0,2,4-5'],
])('formatCpuList %j gives %j', (ids, list) => expect(formatCpuList(ids)).toBe(list))

test('parseVifModels ignores devices that are no network cards', () => {
  expect(parseVifModels('name "virtio-blk-pci", bus PCI\nname "e1000e", bus PCI, desc "x"\n')).toEqual(['e1000e'])
})
