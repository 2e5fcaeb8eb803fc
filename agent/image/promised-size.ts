/**
 * Reads from the header of a disk how many bytes its file must have at least. A source without Content-Length may end
 * too early, and qemu-img reads zeros after the end of a vdi or raw file. qemu-img itself checks the other formats.
 */
import type { FileHandle } from 'node:fs/promises'
import type { DiskFormat } from './base-plan.ts'
import { hasBootSignature } from './non-disk.ts'

const SECTOR = 512
const MIB = 1024 ** 2

/** The bytes that the functions below need: the volume descriptor of an ISO 9660 image ends here. */
const PROMISE_BYTES = 34 * 1024

/** The least number of bytes of the file, by its header; undefined if the header says nothing about it. */
export async function readPromisedSize(file: FileHandle, format: DiskFormat): Promise<number | undefined> {
  const buffer = Buffer.alloc(PROMISE_BYTES)
  await file.read(buffer, 0, PROMISE_BYTES, 0)
  if (format === 'vdi') return promisedByVdi(buffer)
  if (format !== 'raw') return undefined
  return promisedByIso(buffer) ?? promisedByGpt(buffer) ?? promisedByMbr(buffer)
}

/** A vdi has a fixed number of blocks after its header and its map. */
function promisedByVdi(header: Buffer): number {
  return header.readUInt32LE(0x158) + header.readUInt32LE(0x178) * header.readUInt32LE(0x184)
}

/**
 * An ISO 9660 image has its size in its volume descriptor. Some programs leave out up to a MiB of padding at the end,
 * and some count it twice.
 */
function promisedByIso(disk: Buffer): number | undefined {
  const descriptor = disk.subarray(32 * 1024)
  if (descriptor.toString('latin1', 0, 6) !== '\x01CD001') return undefined
  return descriptor.readUInt32LE(80) * descriptor.readUInt16LE(128) - MIB
}

/** The copy of a GPT is in the last sector of the disk, and the GPT names that sector. */
function promisedByGpt(disk: Buffer): number | undefined {
  const sector = [SECTOR, 4096].find((size) => disk.toString('latin1', size, size + 8) === 'EFI PART')
  return sector === undefined ? undefined : Number(disk.readBigUInt64LE(sector + 32) + 1n) * sector
}

/** Old tools rounded the end of a partition up to a whole cylinder, which the disk does not have. */
const CYLINDER = 255 * 63 * SECTOR

const MBR_TABLE = 446

/** The partitions of an MBR lie inside the disk. */
function promisedByMbr(disk: Buffer): number | undefined {
  if (!hasBootSignature(disk)) return undefined
  const entries = [0, 1, 2, 3].map((i) => disk.subarray(MBR_TABLE + i * 16, MBR_TABLE + (i + 1) * 16))
  // A file system without a partition table has a boot sector, too, with the code of its boot loader here.
  if (!entries.every(([flag]) => flag === 0 || flag === 0x80)) return undefined
  const ends = entries
    .filter(({ 4: type }) => type !== 0 && type !== 0xee)
    .map((entry) => (entry.readUInt32LE(8) + entry.readUInt32LE(12)) * SECTOR)
  return ends.length === 0 ? undefined : Math.max(...ends) - CYLINDER
}
