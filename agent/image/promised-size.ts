/**
 * Reads from the header of a disk how many bytes its file must have at least, in order to find a file that is cut off.
 * A source without Content-Length may end too early without an error. For a vdi or raw file qemu-img does not notice
 * this, because it reads zeros after the end of the file. For the other formats qemu-img itself checks.
 */
import type { FileHandle } from 'node:fs/promises'
import type { DiskFormat } from './base-plan.ts'
import { hasBootSignature } from './non-disk.ts'

const SECTOR = 512
const MIB = 1024 ** 2

/**
 * The functions below read this many bytes from the beginning of the file. The volume descriptor of an ISO 9660 image
 * ends there.
 */
const PROMISE_BYTES = 34 * 1024

/**
 * The least number of bytes that the file must have, according to its header; undefined if the header does not tell.
 */
export async function readPromisedSize(file: FileHandle, format: DiskFormat): Promise<number | undefined> {
  const buffer = Buffer.alloc(PROMISE_BYTES)
  await file.read(buffer, 0, PROMISE_BYTES, 0)
  if (format === 'vdi') return promisedByVdi(buffer)
  if (format !== 'raw') return undefined
  return promisedByIso(buffer) ?? promisedByGpt(buffer) ?? promisedByMbr(buffer)
}

/** The size of a vdi: its header and block map, then the blocks that are allocated, all of the same size. */
function promisedByVdi(header: Buffer): number {
  return header.readUInt32LE(0x158) + header.readUInt32LE(0x178) * header.readUInt32LE(0x184)
}

/**
 * An ISO 9660 image has its size in its volume descriptor. A complete file may be up to 1 MiB smaller than that,
 * because some programs leave out the padding at the end of the file, or count the padding twice in the descriptor.
 */
function promisedByIso(disk: Buffer): number | undefined {
  const descriptor = disk.subarray(32 * 1024)
  if (descriptor.toString('latin1', 0, 6) !== '\x01CD001') return undefined
  return descriptor.readUInt32LE(80) * descriptor.readUInt16LE(128) - MIB
}

/**
 * A GPT names the last sector of the disk. The file must reach to the end of that sector, which holds the backup header
 * of the GPT.
 */
function promisedByGpt(disk: Buffer): number | undefined {
  const sector = [SECTOR, 4096].find((size) => disk.toString('latin1', size, size + 8) === 'EFI PART')
  return sector === undefined ? undefined : Number(disk.readBigUInt64LE(sector + 32) + 1n) * sector
}

/**
 * Bytes of a cylinder. Old tools rounded the end of a partition up to a whole cylinder. So the last partition may end
 * up to one cylinder after the end of a complete file.
 */
const CYLINDER = 255 * 63 * SECTOR

const MBR_TABLE = 446

/**
 * The file must reach to the end of the last partition in the MBR, minus one cylinder. Undefined if there is no
 * partition.
 */
function promisedByMbr(disk: Buffer): number | undefined {
  if (!hasBootSignature(disk)) return undefined
  const entries = [0, 1, 2, 3].map((i) => disk.subarray(MBR_TABLE + i * 16, MBR_TABLE + (i + 1) * 16))
  // A file system without a partition table may begin with a boot sector, too. Such a sector has boot code in the place
  // of the partition table. This shows in the flags of the entries, which in a table can only be 0 or 0x80.
  if (!entries.every(([flag]) => flag === 0 || flag === 0x80)) return undefined
  const ends = entries
    .filter(({ 4: type }) => type !== 0 && type !== 0xee)
    .map((entry) => (entry.readUInt32LE(8) + entry.readUInt32LE(12)) * SECTOR)
  return ends.length === 0 ? undefined : Math.max(...ends) - CYLINDER
}
