import { describe, expect, it } from 'vitest'
import { buildDomain } from './build.ts'
import { definedDisksOf, diskFileOf } from './defined-disks.ts'
import { domainExamples, makeDomainInput } from './examples.ts'
import { parseXml } from './parse-xml.ts'

function diskXml(source: string, target: string, role?: string, device = 'disk'): string {
  const alias = role === undefined ? '' : `<alias name='ua-kubenova-${role}'/>`
  return `<disk type='file' device='${device}'><driver type='qcow2'/><source file='${source}'/><target dev='${target}'/>${alias}</disk>`
}
const domainXml = (...disks: string[]): string => `<domain><devices>${disks.join('')}</devices></domain>`

function sourcesIn(xml: string) {
  const { own, attached } = definedDisksOf(xml, ['root', 'swap'])
  const fileOf = (disk: (typeof attached)[number]): string => diskFileOf(disk, 'any').path
  return {
    own: Object.fromEntries(Object.entries(own).map(([role, disk]) => [role, fileOf(disk)])),
    attached: attached.map(fileOf),
  }
}

describe('definedDisksOf finds', () => {
  it.each([
    [
      'disks by their aliases, also with other targets',
      [diskXml('/d/disk.s1', 'sdb', 'root'), diskXml('/d/swap', 'sda', 'swap')],
      { own: { root: '/d/disk.s1', swap: '/d/swap' }, attached: [] },
    ],
    [
      'disks of a domain without aliases by their targets',
      [diskXml('/d/disk', 'vda'), diskXml('/d/swap', 'vdb'), diskXml('/x', 'vdc')],
      { own: { root: '/d/disk', swap: '/d/swap' }, attached: ['/x'] },
    ],
    [
      'disks after the rescue disk, with and without aliases',
      [diskXml('/d/disk.rescue', 'vda'), diskXml('/d/disk', 'vdb'), diskXml('/d/swap', 'vdc', 'swap')],
      { own: { rescue: '/d/disk.rescue', root: '/d/disk', swap: '/d/swap' }, attached: [] },
    ],
    [
      'a disk that was attached in the place of another one',
      [diskXml('/restored', 'vda'), diskXml('/d/swap', 'vdb', 'swap')],
      { own: { root: '/restored', swap: '/d/swap' }, attached: [] },
    ],
    [
      'no disk for one that was detached, and attached disks and CDs',
      [diskXml('/d/disk', 'vda', 'root'), diskXml('/x', 'vdc'), diskXml('/iso', 'sdb', undefined, 'cdrom')],
      { own: { root: '/d/disk' }, attached: ['/x', '/iso'] },
    ],
    [
      'no disk of another bus in the place of a detached one',
      [diskXml('/d/disk', 'vda', 'root'), diskXml('/usb.img', 'sdb')],
      { own: { root: '/d/disk' }, attached: ['/usb.img'] },
    ],
    [
      'no disk of another bus beside a root disk without alias',
      [diskXml('/restored', 'vda'), diskXml('/usb.img', 'sdb')],
      { own: { root: '/restored' }, attached: ['/usb.img'] },
    ],
    [
      'no config drive among the attached disks',
      [
        diskXml('/d/disk', 'vda', 'root'),
        diskXml('/other.iso', 'sda', 'config', 'cdrom'),
        diskXml('/d/disk.config', 'sda', undefined, 'cdrom'),
      ],
      { own: { root: '/d/disk' }, attached: [] },
    ],
  ])('%s', (_, disks, expected) => {
    expect(sourcesIn(domainXml(...disks))).toEqual(expected)
  })

  it.each(Object.entries(domainExamples))('the disks that buildDomain writes for %s', (_, example) => {
    const { rescueDisk, rootDisk, ephemeral, swap } = example.paths
    const roles = ['root' as const, ...(ephemeral ? ['ephemeral' as const] : []), ...(swap ? ['swap' as const] : [])]
    const { own, attached } = definedDisksOf(buildDomain(example), roles)
    const found = Object.values(own).map((disk) => diskFileOf(disk, 'any').path)
    expect(found).toEqual([rescueDisk, rootDisk, ephemeral, swap].flatMap((file) => file?.path ?? []))
    expect(attached).toEqual(
      example.attachedDisks?.map(({ element }) => expect.objectContaining({ name: element.name })) ?? [],
    )
  })
})

describe('diskFileOf', () => {
  const read = (xml: string) => diskFileOf(parseXml(xml, 'disk'), 'root')

  it('reads files and block devices, which are raw if the definition names no format', () => {
    expect(read(diskXml('/d/disk', 'vda'))).toEqual({ path: '/d/disk', format: 'qcow2' })
    expect(read("<disk type='block'><source dev='/dev/vg/web'/></disk>")).toEqual({
      path: '/dev/vg/web',
      format: 'raw',
      type: 'block',
    })
  })

  it.each([
    [
      'a disk on the network',
      "<disk type='network'><driver type='raw'/><source protocol='nbd' name='x'/></disk>",
      /network/,
    ],
    ['another format', "<disk type='file'><driver type='vmdk'/><source file='/x'/></disk>", /vmdk/],
    ['a disk without a file', "<disk type='file'><driver type='raw'/></disk>", /no file/],
  ])('throws DiskUnusable for %s', (_, xml, message) => {
    expect(() => read(xml)).toThrow(
      expect.objectContaining({ kind: 'Transient', code: 'DiskUnusable', message: expect.stringMatching(message) }),
    )
  })
})

it('buildDomain moves an attached disk whose target a disk of the server needs', () => {
  const element = parseXml(
    "<disk type='file' device='disk'><driver name='qemu' type='qcow2'/><source file='/x'/><backingStore/><target dev='vda' bus='virtio'/><address type='pci' slot='3'/></disk>",
    'disk',
  )
  const xml = buildDomain(
    makeDomainInput({ attachedDisks: [{ element, backing: { path: '/y', format: 'raw', isOwn: true } }] }),
  )
  expect(xml).toContain(`    <disk type="file" device="disk">
      <driver name="qemu" type="qcow2"/>
      <source file="/x"/>
      <backingStore type="file">
        <format type="raw"/>
        <source file="/y"/>
        <backingStore/>
      </backingStore>
      <target dev="vdb" bus="virtio"/>
    </disk>`)
})

it('buildDomain keeps the alias and the attributes of the target of an attached disk', () => {
  const element = parseXml(
    "<disk type='block' device='cdrom'><driver name='qemu' type='raw'/><source dev='/dev/sr0'/><target dev='sdc' bus='scsi' tray='open' removable='on' rotation_rate='1'/><alias name='ua-tools'/></disk>",
    'disk',
  )
  expect(buildDomain(makeDomainInput({ attachedDisks: [{ element }] }))).toContain(
    `      <target dev="sdc" bus="scsi" tray="open" removable="on" rotation_rate="1"/>
      <alias name="ua-tools"/>
    </disk>`,
  )
})

it.each(['virtio-disk1', 'ua-kubenova-rescue'])('buildDomain drops the alias %s of an attached disk', (alias) => {
  const xml = `<disk type='file' device='disk'><source file='/x'/><target dev='vdz'/><alias name='${alias}'/></disk>`
  expect(buildDomain(makeDomainInput({ attachedDisks: [{ element: parseXml(xml, 'disk') }] }))).not.toContain(alias)
})
