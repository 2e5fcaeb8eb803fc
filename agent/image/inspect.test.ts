import { execFileSync } from 'node:child_process'
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync, writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { checkHeader, type Demands, type DiskFormat, judge, judgeHeader } from './inspect.ts'
import { imageInfo } from './qemu-img.ts'

// Other programs do the work here, on machines that may be busy.
vi.setConfig({ testTimeout: 60_000 })

let dir: string
beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), 'inspect-'))
})
afterAll(() => rmSync(dir, { recursive: true, force: true }))

const qemuImg = (...args: string[]) => execFileSync('qemu-img', args, { cwd: dir, stdio: 'pipe' })
const at = (name: string) => join(dir, name)

/** What the cache does with a file before it uses it. */
async function inspect(path: string, format: DiskFormat, more: Partial<Demands> = {}) {
  await checkHeader(path)
  return judge(await imageInfo(path), { format, maxVirtualSize: 2 ** 30, baseFormat: 'asIs', ...more })
}

/** Makes each hostile image, and says as what it claims to come. */
const hostile: [string, DiskFormat, () => string, RegExp][] = [
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
      writeFileSync(at('flat.vmdk'), descriptor('RW 8 FLAT "/etc/passwd" 0'))
      return 'flat.vmdk'
    },
    /VMDK descriptor/,
  ],
  [
    'the same, said to be raw',
    'raw',
    () => {
      writeFileSync(at('flat.raw'), descriptor('RW 8 FLAT "/etc/passwd" 0'))
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
      const text = descriptor('RW 8 FLAT "/etc/passwd" 0')
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
      // Bit 1 of the incompatible features.
      writeSync(file, Buffer.from([2]), 0, 1, 79)
      closeSync(file)
      return 'corrupt.qcow2'
    },
    /corrupt/,
  ],
]

const descriptor = (extent: string) =>
  `# Disk DescriptorFile\nversion=1\nCID=fffffffe\nparentCID=ffffffff\ncreateType="monolithicFlat"\n${extent}\nddb.adapterType = "ide"\n`

describe('images that reach for other files are refused', () => {
  test.each(hostile)('%s', async (_, format, make, why) => {
    const path = at(make())
    await expect(inspect(path, format)).rejects.toMatchObject({
      kind: 'Terminal',
      code: 'ImageUnsafe',
      message: expect.stringMatching(why),
    })
  })

  test.each(['backing.qcow2', 'data.qcow2', 'flat.vmdk', 'inside.vmdk'])(
    '%s: before qemu-img opens it',
    async (name) => {
      await expect(checkHeader(at(name))).rejects.toMatchObject({ code: 'ImageUnsafe' })
    },
  )

  test("a backing file is refused by qemu-img's report too, not by the header alone", async () => {
    const info = await imageInfo(at('backing.qcow2'))
    expect(() => judge(info, { format: 'qcow2', maxVirtualSize: 2 ** 30, baseFormat: 'asIs' })).toThrow(/backing file/)
  })
})

describe('formats are not guessed', () => {
  test.each([
    ['qcow2', 'raw'],
    ['vmdk', 'raw'],
    ['raw', 'qcow2'],
    ['vpc', 'vhdx'],
  ])('a %s that says it is %s', async (real, claimed) => {
    const name = `x-${real}-${claimed}`
    qemuImg('create', '-q', '-f', real, name, '1M')
    await expect(inspect(at(name), claimed as DiskFormat)).rejects.toMatchObject({
      code: 'ImageFormatMismatch',
      message: expect.stringContaining(`the file is ${real}`),
    })
  })
})

test('LUKS that says it is raw', () => {
  const info = { format: 'luks', 'virtual-size': 512, encrypted: true }
  const demands = { format: 'raw', maxVirtualSize: 1024, baseFormat: 'asIs' } as const
  expect(() => judge(info, demands)).toThrow(/the file is luks: convert it to qcow2/)
})

describe('good images', () => {
  const create = (format: string, ...more: string[]) => {
    const name = `good-${format}-${more.join('-').replaceAll(/\W/g, '')}`
    qemuImg('create', '-q', '-f', format, ...more, name, '1M')
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
  ] as const)('%s %j, bases %s', async (format, more, baseFormat, verdict) => {
    expect(await inspect(create(format, ...more), format, { baseFormat })).toEqual(verdict)
  })

  test('a snapshot inside is left behind', async () => {
    const path = create('qcow2', '-o', 'cluster_size=4k')
    qemuImg('snapshot', '-c', 'one', path)
    expect(await inspect(path, 'qcow2')).toEqual({ convertTo: 'qcow2' })
  })

  test('that are larger than allowed', async () => {
    qemuImg('create', '-q', '-f', 'qcow2', 'large.qcow2', '100G')
    await expect(inspect(at('large.qcow2'), 'qcow2')).rejects.toMatchObject({ code: 'ImageTooLarge' })
  })
})

test('any few bytes are judged without a fault', () => {
  for (const path of ['backing.qcow2', 'inside.vmdk']) {
    const head = readFileSync(at(path)).subarray(0, 512)
    for (let n = 0; n < 16; n++) expect(() => judgeHeader(head.subarray(0, n))).not.toThrow(RangeError)
  }
})

test('what qemu-img cannot read: its reason, without paths of the host', async () => {
  const path = at('cut.qcow2')
  writeFileSync(path, Buffer.from([0x51, 0x46, 0x49, 0xfb, 0, 0, 0, 3]))
  const error = await imageInfo(path).catch((e: unknown) => e)
  expect(error).toMatchObject({ kind: 'Terminal', code: 'ImageUnreadable' })
  expect(String(error)).not.toContain(dir)
})
