import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { open } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { readPromisedSize } from './promised-size.ts'

let dir: string
beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), 'promised-'))
})
afterAll(() => rmSync(dir, { recursive: true, force: true }))

async function promisedBy(bytes: Buffer, format: 'raw' | 'vdi' | 'qcow2' = 'raw'): Promise<number | undefined> {
  const path = join(dir, 'disk')
  writeFileSync(path, bytes)
  const file = await open(path, 'r')
  try {
    return await readPromisedSize(file, format)
  } finally {
    await file.close()
  }
}

function mbr(...partitions: [flag: number, type: number, start: number, count: number][]): Buffer {
  const disk = Buffer.alloc(40_000)
  disk.writeUInt16LE(0xaa55, 510)
  partitions.forEach(([flag, type, start, count], i) => {
    const at = 446 + i * 16
    disk[at] = flag
    disk[at + 4] = type
    disk.writeUInt32LE(start, at + 8)
    disk.writeUInt32LE(count, at + 12)
  })
  return disk
}

function gpt(sector: number, alternate: bigint): Buffer {
  const disk = mbr([0, 0xee, 1, 0xffffffff])
  disk.write('EFI PART', sector, 'latin1')
  disk.writeBigUInt64LE(alternate, sector + 32)
  return disk
}

describe('readPromisedSize', () => {
  test('takes the end of the last partition of an MBR, less a cylinder', async () => {
    // (2048 + 2_000_000) * 512 - 255 * 63 * 512: the end of the first partition, minus one cylinder.
    expect(await promisedBy(mbr([0x80, 0x83, 2048, 2_000_000], [0, 0x82, 1000, 1000]))).toBe(1_016_823_296)
  })

  test.each([512, 4096])('takes the copy of a GPT with sectors of %i bytes', async (sector) => {
    expect(await promisedBy(gpt(sector, 999_999n))).toBe(1_000_000 * sector)
  })

  test('takes the volume size of an ISO 9660 image, and not its partition table', async () => {
    const disk = mbr([0x80, 0x17, 0, 4_000_000])
    disk.write('\x01CD001', 32_768, 'latin1')
    disk.writeUInt32LE(300_000, 32_768 + 80)
    disk.writeUInt16LE(2048, 32_768 + 128)
    // 300_000 * 2048 - 1024 * 1024: the size in the volume descriptor, minus 1 MiB.
    expect(await promisedBy(disk)).toBe(613_351_424)
  })

  test.each([
    ['a disk without a partition table', () => Buffer.alloc(40_000)],
    ['a boot sector without partitions', () => mbr()],
    ['a file system with a boot loader in place of the partition table', () => mbr([0x4e, 0x20, 1, 4_000_000_000])],
    ['a protective MBR whose GPT is missing', () => mbr([0, 0xee, 1, 0xffffffff])],
    ['a file of less than a sector', () => Buffer.alloc(100)],
  ])('knows nothing of %s', async (_, make) => {
    expect(await promisedBy(make())).toBeUndefined()
  })

  test('knows nothing of a qcow2, which qemu-img checks', async () => {
    expect(await promisedBy(gpt(512, 999n), 'qcow2')).toBeUndefined()
  })
})
