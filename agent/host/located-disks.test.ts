import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { locateDisks, recordLocations } from './located-disks.ts'
import { serverPathsOf } from './paths.ts'

vi.setConfig({ testTimeout: 60_000 })

let root: string
let paths: ReturnType<typeof serverPathsOf>
const path = (name: string): string => join(paths.dir, name)
let base: string

function overlay(file: string, below: string, format: string, writtenAt: number): string {
  execFileSync('qemu-img', ['create', '-q', '-f', 'qcow2', '-F', format, '-b', below, file, '1M'])
  utimesSync(file, writtenAt, writtenAt)
  return file
}

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'located-'))
  paths = serverPathsOf(root, root, 'u1')
  base = join(root, 'cache/bases/1/disk')
  mkdirSync(join(root, 'cache/bases/1'), { recursive: true })
  mkdirSync(paths.dir, { recursive: true })
  execFileSync('qemu-img', ['create', '-q', '-f', 'raw', base, '1M'])
  overlay(path('disk'), base, 'raw', 1000)
  writeFileSync(path('disk.swap'), '')
  const layout = { root: 'qcow2', backing: { path: base, format: 'raw' }, ephemeral: false, swap: true }
  writeFileSync(path('disks.json'), JSON.stringify(layout))
})
afterEach(() => rmSync(root, { recursive: true }))

function definition(rootDisk: string, { isActive = false, format = 'qcow2' } = {}) {
  const disk = (file: string, target: string, role: string, type: string) =>
    `<disk type='file' device='disk'><driver type='${type}'/><source file='${file}'/><target dev='${target}'/><alias name='ua-kubenova-${role}'/></disk>`
  const disks = disk(rootDisk, 'vda', 'root', format) + disk(path('disk.swap'), 'vdb', 'swap', 'raw')
  return { name: 'web', isActive, xml: `<domain><devices>${disks}</devices></domain>` }
}

const recorded = (): unknown => JSON.parse(readFileSync(path('disks.json'), 'utf8')).moved?.root?.path
const rootOf = async (defined: Parameters<typeof locateDisks>[1]) =>
  (await locateDisks(paths, defined, [root]))?.disks.root.path
const expectError = (defined: Parameters<typeof locateDisks>[1], code: string, message: RegExp) =>
  expect(locateDisks(paths, defined, [root])).rejects.toMatchObject({
    kind: 'Transient',
    code,
    message: expect.stringMatching(message),
  })

describe('locateDisks', () => {
  it('finds the disks as the agent made them, and writes nothing', async () => {
    const own = { path: path('disk'), format: 'qcow2', backing: { path: base, format: 'raw' } }
    const swap = { path: path('disk.swap'), format: 'raw' }
    expect(await locateDisks(paths, undefined, [root])).toEqual({ disks: { root: own, swap }, attached: [] })
    expect(await locateDisks(paths, definition(path('disk')), [root])).toEqual({
      disks: { root: own, swap },
      attached: [],
    })
    expect(recorded()).toBeUndefined()
  })

  it('finds the overlay of a snapshot with all its layers, and remembers it when there is no definition', async () => {
    const top = overlay(join(root, 'elsewhere'), path('disk'), 'qcow2', 2000)
    const expected = {
      path: top,
      format: 'qcow2',
      backing: { path: path('disk'), format: 'qcow2', isOwn: true, backing: { path: base, format: 'raw' } },
    }
    expect((await locateDisks(paths, definition(top), [root]))?.disks.root).toEqual(expected)
    expect((await locateDisks(paths, undefined, [root]))?.disks.root).toEqual(expected)
  })

  it('answers undefined when the Server never had disks', async () => {
    rmSync(path('disks.json'))
    expect(await locateDisks(paths, undefined, [root])).toBeUndefined()
  })

  it('goes back to the lower layer when the guest wrote to it last, as after a commit', async () => {
    const top = overlay(path('disk.s1'), path('disk'), 'qcow2', 2000)
    await recordLocations(paths, definition(top, { isActive: true }))
    utimesSync(path('disk'), 3000, 3000)
    expect(await rootOf(definition(path('disk')))).toBe(path('disk'))
    expect(recorded()).toBe(path('disk'))
  })

  it('goes back to the lower layer when the overlay is gone', async () => {
    const top = overlay(path('disk.s1'), path('disk'), 'qcow2', 2000)
    await recordLocations(paths, definition(top, { isActive: true }))
    rmSync(top)
    expect(await rootOf(definition(path('disk')))).toBe(path('disk'))
  })

  it('throws DiskLayersConflict when the definition names a lower layer than the one that the guest used', async () => {
    const top = overlay(path('disk.s2'), overlay(path('disk.s1'), path('disk'), 'qcow2', 1500), 'qcow2', 2000)
    await recordLocations(paths, definition(top, { isActive: true }))
    await recordLocations(paths, definition(path('disk')))
    expect(recorded()).toBe(top)
    await expectError(definition(path('disk')), 'DiskLayersConflict', /disk, but the guest has written to .*disk\.s2/)
    await expectError(definition(path('disk.s1')), 'DiskLayersConflict', /disk\.s1, but/)
  })

  it('throws DiskLayersConflict when an overlay lies beside the disk of a domain that was undefined', async () => {
    overlay(path('disk.s1'), path('disk'), 'qcow2', 2000)
    await expectError(undefined, 'DiskLayersConflict', /disk\.s1/)
    expect(await rootOf(definition(path('disk')))).toBe(path('disk'))
  })

  it('does not mind other files beside the disk: an older overlay, one on another disk, a broken one', async () => {
    overlay(path('disk.s1'), path('disk'), 'qcow2', 500)
    overlay(path('disk.rescue'), base, 'raw', 2000)
    writeFileSync(path('broken'), 'QFI\xfb', 'latin1')
    expect(await rootOf(undefined)).toBe(path('disk'))
  })

  it('throws DiskMissing when the file that the definition names does not exist', () =>
    expectError(
      definition(path('disk.gone')),
      'DiskMissing',
      /root disk is .*disk\.gone, which does not exist: bring it back; if it is on the host, mount its directory in the agent's Pod$/,
    ))

  describe('with a disk outside of the directories for disks', () => {
    const outside = () => join(root, 'elsewhere')

    it('throws DiskUnusable, and does not boot the lower layer after the domain was undefined', async () => {
      const top = overlay(outside(), path('disk'), 'qcow2', 2000)
      const message = `the server's root disk is ${top}, which is in none of the directories for disks (${paths.dir}, /backup): an operator can add its directory to --disk-dirs of the agent; or copy it to one of the directories, and name the copy`
      const error = { kind: 'Transient', code: 'DiskUnusable', message }
      await expect(locateDisks(paths, definition(top), ['/backup'])).rejects.toMatchObject(error)
      await expect(locateDisks(paths, undefined, ['/backup'])).rejects.toMatchObject(error)
      expect((await locateDisks(paths, undefined, ['/backup', root]))?.disks.root.path).toBe(top)
    })

    it('throws DiskUnusable for a rescue disk', async () => {
      const { xml, ...rest } = definition(path('disk'))
      const rescue = `<disk type='file' device='disk'><driver type='qcow2'/><source file='${outside()}'/><target dev='vdc'/><alias name='ua-kubenova-rescue'/></disk>`
      const rescued = { ...rest, xml: xml.replace('<devices>', `<devices>${rescue}`) }
      const message = expect.stringContaining(`the server's rescue disk is ${outside()}, which is in none`)
      await expect(locateDisks(paths, rescued, [])).rejects.toMatchObject({ code: 'DiskUnusable', message })
    })

    it('throws DiskUnusable for a layer, which libvirt would give to QEMU', async () => {
      const top = overlay(path('disk.s1'), overlay(outside(), base, 'raw', 1000), 'qcow2', 2000)
      const message = `the disk ${top} is an overlay on ${outside()}, which is in none of the directories for disks (${paths.dir})`
      await expect(locateDisks(paths, definition(top), [])).rejects.toMatchObject({
        code: 'DiskUnusable',
        message: expect.stringContaining(message),
      })
    })
  })

  it('throws DiskUnusable for a cached image, also after the domain was undefined', async () => {
    await recordLocations(paths, definition(base, { isActive: true, format: 'raw' }))
    await expectError(
      definition(base, { format: 'raw' }),
      'DiskUnusable',
      /a cached image .*: copy the file to the server's directory, .* leave the file itself/,
    )
    await expectError(undefined, 'DiskUnusable', /a cached image/)
  })
})

it('recordLocations throws no error for a definition that cannot be booted', async () => {
  await recordLocations(paths, { name: 'web', isActive: true, xml: '<broken' })
  await recordLocations(paths, definition('/x', { isActive: true, format: 'vmdk' }))
  expect(recorded()).toBeUndefined()
})
