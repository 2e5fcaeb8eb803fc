import { execFileSync } from 'node:child_process'
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync, writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { type BaseRequirements, checkImageHeader, type DiskFormat, planBase, rejectUnsafeHeader } from './base-plan.ts'
import { readImageInfo } from './qemu-img.ts'

vi.setConfig({ testTimeout: 60_000 })

let dir: string
beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), 'inspect-'))
})
afterAll(() => rmSync(dir, { recursive: true, force: true }))

const qemuImg = (...args: string[]) => execFileSync('qemu-img', args, { cwd: dir, stdio: 'pipe' })
const at = (name: string) => join(dir, name)

async function checkAndPlan(path: string, format: DiskFormat, overrides: Partial<BaseRequirements> = {}) {
  await checkImageHeader(path, { format, isVerified: false })
  return planBase(await readImageInfo(path), { format, maxVirtualSize: 2 ** 30, baseFormat: 'asIs', ...overrides })
}

const hostileImages: [string, DiskFormat, () => string, RegExp][] = [
  [
    'qcow2 backed by a file of the host',
    'qcow2',
    () => {
      qemuImg('create', '-q', '-f', 'qcow2', '-F', 'raw', '-b', '/etc/passwd', 'backing.qcow2', '1M')
      return 'backing.qcow2'
    },
    /backing file/,
  ],
  [
    'qcow2 whose data is another file',
    'qcow2',
    () => {
      qemuImg('create', '-q', '-f', 'qcow2', '-o', `data_file=${at('other.raw')},data_file_raw=on`, 'data.qcow2', '1M')
      return 'data.qcow2'
    },
    /external data file/,
  ],
  [
    'VMDK descriptor that names a file of the host',
    'vmdk',
    () => {
      writeFileSync(at('flat.vmdk'), vmdkDescriptorWith('RW 8 FLAT "/etc/passwd" 0'))
      return 'flat.vmdk'
    },
    /VMDK descriptor/,
  ],
  [
    'VMDK descriptor that names a file of the host and claims to be raw',
    'raw',
    () => {
      writeFileSync(at('flat.raw'), vmdkDescriptorWith('RW 8 FLAT "/etc/passwd" 0'))
      return 'flat.raw'
    },
    /VMDK descriptor/,
  ],
  [
    'sparse VMDK without capacity, with a descriptor inside',
    'vmdk',
    () => {
      qemuImg('create', '-q', '-f', 'vmdk', 'inside.vmdk', '1M')
      const file = openSync(at('inside.vmdk'), 'r+')
      writeSync(file, Buffer.alloc(8), 0, 8, 12)
      const text = vmdkDescriptorWith('RW 8 FLAT "/etc/passwd" 0')
      writeSync(file, Buffer.from(text.padEnd(1024, '\0')), 0, 1024, 512)
      closeSync(file)
      return 'inside.vmdk'
    },
    /no capacity/,
  ],
  [
    'VMDK with a parent',
    'vmdk',
    () => {
      qemuImg('create', '-q', '-f', 'vmdk', 'parent.vmdk', '1M')
      qemuImg('create', '-q', '-f', 'vmdk', '-F', 'vmdk', '-b', at('parent.vmdk'), 'child.vmdk')
      return 'child.vmdk'
    },
    /backing file/,
  ],
  [
    'VMDK of several files',
    'vmdk',
    () => {
      qemuImg('create', '-q', '-f', 'vmdk', '-o', 'subformat=twoGbMaxExtentSparse', 'split.vmdk', '3G')
      return 'split.vmdk'
    },
    /VMDK descriptor/,
  ],
  [
    'encrypted qcow2',
    'qcow2',
    () => {
      qemuImg(
        'create',
        '-q',
        '-f',
        'qcow2',
        '--object',
        'secret,id=s,data=x',
        '-o',
        'encrypt.format=aes,encrypt.key-secret=s',
        'encrypted.qcow2',
        '1M',
      )
      return 'encrypted.qcow2'
    },
    /encrypted/,
  ],
  [
    'qcow2 marked as corrupt',
    'qcow2',
    () => {
      qemuImg('create', '-q', '-f', 'qcow2', 'corrupt.qcow2', '1M')
      const file = openSync(at('corrupt.qcow2'), 'r+')
      // Bit 1 of qcow2's incompatible features marks the image as corrupt.
      writeSync(file, Buffer.from([2]), 0, 1, 79)
      closeSync(file)
      return 'corrupt.qcow2'
    },
    /corrupt/,
  ],
]

const vmdkDescriptorWith = (extent: string) =>
  `# Disk DescriptorFile\nversion=1\nCID=fffffffe\nparentCID=ffffffff\ncreateType="monolithicFlat"\n${extent}\nddb.adapterType = "ide"\n`

describe('checkHeader and planBase', () => {
  test.each(hostileImages)('refuses a %s', async (_, format, make, why) => {
    const path = at(make())
    await expect(checkAndPlan(path, format)).rejects.toMatchObject({
      kind: 'Terminal',
      code: 'ImageUnsafe',
      message: expect.stringMatching(why),
    })
  })

  test.each(['backing.qcow2', 'data.qcow2', 'flat.vmdk', 'inside.vmdk'])(
    'refuse %s by its header, before qemu-img opens it',
    async (name) => {
      await expect(checkImageHeader(at(name), { format: 'raw', isVerified: false })).rejects.toMatchObject({
        code: 'ImageUnsafe',
      })
    },
  )

  test("refuse a backing file by qemu-img's report, too", async () => {
    const info = await readImageInfo(at('backing.qcow2'))
    expect(() => planBase(info, { format: 'qcow2', maxVirtualSize: 2 ** 30, baseFormat: 'asIs' })).toThrow(
      /backing file/,
    )
  })
})

describe('planBase throws ImageFormatMismatch', () => {
  test.each([
    ['qcow2', 'raw'],
    ['vmdk', 'raw'],
    ['raw', 'qcow2'],
    ['vpc', 'vhdx'],
  ])('for a %s image that claims to be %s', async (actual, claimed) => {
    const name = `x-${actual}-${claimed}`
    qemuImg('create', '-q', '-f', actual, name, '1M')
    await expect(checkAndPlan(at(name), claimed as DiskFormat)).rejects.toMatchObject({
      code: 'ImageFormatMismatch',
      message: expect.stringContaining(`the file is ${actual}`),
    })
  })
})

test('planBase advises to convert a LUKS image that claims to be raw', () => {
  const info = { format: 'luks', 'virtual-size': 512, encrypted: true }
  const requirements = { format: 'raw', maxVirtualSize: 1024, baseFormat: 'asIs' } as const
  expect(() => planBase(info, requirements)).toThrow(/the file is luks: convert it to qcow2/)
})

describe('planBase', () => {
  const create = (format: string, ...args: string[]) => {
    const name = `good-${format}-${args.join('-').replaceAll(/\W/g, '')}`
    qemuImg('create', '-q', '-f', format, ...args, name, '1M')
    return at(name)
  }
  test.each([
    ['qcow2', [], 'asIs', { use: 'qcow2' }],
    ['qcow2', ['-o', 'compat=0.10'], 'asIs', { use: 'qcow2' }],
    ['qcow2', [], 'raw', { convertTo: 'raw' }],
    ['raw', [], 'asIs', { use: 'raw' }],
    ['raw', [], 'raw', { use: 'raw' }],
    ['vmdk', [], 'asIs', { convertTo: 'qcow2' }],
    ['vmdk', ['-o', 'subformat=streamOptimized'], 'asIs', { convertTo: 'qcow2' }],
    ['vdi', [], 'asIs', { convertTo: 'qcow2' }],
    ['vhdx', [], 'raw', { convertTo: 'raw' }],
  ] as const)('plans for a %s image with %j and baseFormat %s: %j', async (format, args, baseFormat, plan) => {
    expect(await checkAndPlan(create(format, ...args), format, { baseFormat })).toEqual(plan)
  })

  test('converts a qcow2 with a snapshot inside', async () => {
    const path = create('qcow2', '-o', 'cluster_size=4k')
    qemuImg('snapshot', '-c', 'one', path)
    expect(await checkAndPlan(path, 'qcow2')).toEqual({ convertTo: 'qcow2' })
  })

  test('throws ImageTooLarge for a disk above maxVirtualSize', async () => {
    qemuImg('create', '-q', '-f', 'qcow2', 'large.qcow2', '100G')
    await expect(checkAndPlan(at('large.qcow2'), 'qcow2')).rejects.toMatchObject({ code: 'ImageTooLarge' })
  })
})

test('rejectUnsafeHeader throws no RangeError for headers of less than 16 bytes', () => {
  for (const path of ['backing.qcow2', 'inside.vmdk']) {
    const header = readFileSync(at(path)).subarray(0, 512)
    for (let n = 0; n < 16; n++) expect(() => rejectUnsafeHeader(header.subarray(0, n))).not.toThrow(RangeError)
  }
})

test('readImageInfo throws the reason of qemu-img without paths of the host', async () => {
  const path = at('cut.qcow2')
  writeFileSync(path, Buffer.from([0x51, 0x46, 0x49, 0xfb, 0, 0, 0, 3]))
  const error = await readImageInfo(path).catch((e: unknown) => e)
  expect(error).toMatchObject({ kind: 'Terminal', code: 'ImageUnreadable' })
  expect(String(error)).not.toContain(dir)
})
