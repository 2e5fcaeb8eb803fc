/**
 * Reads from a disk's header how many bytes its file must have at least. A source without Content-Length may end too
 * early without an error. qemu-img does not notice this for a vdi or raw file, because it reads zeros after the end;
 * for other formats it does.
 */
import type { FileHandle } from 'node:fs/promises'
import type { DiskFormat } from './base-plan.ts'
import { hasBootSignature } from './non-disk.ts'

const SECTOR = 512
const MIB = 1024 ** 2

/** Number of bytes to read: the volume descriptor of an ISO 9660 image, which is at 32 KiB, ends at this offset. */
const PROMISE_BYTES = 34 * 1024

/** Returns undefined if the header does not tell the least number of bytes. */
export async function readPromisedSize(file: FileHandle, format: DiskFormat): Promise<number | undefined> {
  const buffer = Buffer.alloc(PROMISE_BYTES)
  await file.read(buffer, 0, PROMISE_BYTES, 0)
  if (format === 'vdi') return promisedByVdi(buffer)
  if (format !== 'raw') return undefined
  return promisedByIso(buffer) ?? promisedByGpt(buffer) ?? promisedByMbr(buffer)
}

/**
 * A complete VDI file has the header and the block map, followed by the allocated blocks, which all have the same size.
 */
function promisedByVdi(header: Buffer): number {
  return header.readUInt32LE(0x158) + header.readUInt32LE(0x178) * header.readUInt32LE(0x184)
}

/**
 * A complete ISO 9660 file may be up to 1 MiB smaller than its volume descriptor says, because some programs leave out
 * the padding at the end, or count it twice.
 */
function promisedByIso(disk: Buffer): number | undefined {
  const descriptor = disk.subarray(32 * 1024)
  if (descriptor.toString('latin1', 0, 6) !== '\x01CD001') return undefined
  return descriptor.readUInt32LE(80) * descriptor.readUInt16LE(128) - MIB
}

/** The last sector of the disk holds the backup header of the GPT. */
function promisedByGpt(disk: Buffer): number | undefined {
  const sector = [SECTOR, 4096].find((size) => disk.toString('latin1', size, size + 8) === 'EFI PART')
  return sector === undefined ? undefined : Number(disk.readBigUInt64LE(sector + 32) + 1n) * sector
}

/**
 * The size of a cylinder in bytes. Old tools rounded the end of a partition up to a whole cylinder, so the last
 * partition may end up to one cylinder after the end of a complete file.
 */
const CYLINDER = 255 * 63 * SECTOR

const MBR_TABLE = 446

/** The file must reach to the end of the last partition, minus one cylinder. Undefined if there is no partition. */
function promisedByMbr(disk: Buffer): number | undefined {
  if (!hasBootSignature(disk)) return undefined
  const entries = [0, 1, 2, 3].map((i) => disk.subarray(MBR_TABLE + i * 16, MBR_TABLE + (i + 1) * 16))
  // A file system without a partition table may also begin with a boot sector, with boot code in the place of the
  // table. The first byte of each entry of a table, its flag, can only be 0 or 0x80, so other values show boot code.
  if (!entries.every(([flag]) => flag === 0 || flag === 0x80)) return undefined
  const ends = entries
    .filter(({ 4: type }) => type !== 0 && type !== 0xee)
    .map((entry) => (entry.readUInt32LE(8) + entry.readUInt32LE(12)) * SECTOR)
  return ends.length === 0 ? undefined : Math.max(...ends) - CYLINDER
}
