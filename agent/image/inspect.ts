/**
 * Whether an image may be used here, before and after qemu-img has looked at it.
 * Images come from anyone. A qcow2 or VMDK may name other files of the host as its data, and then "its" disk shows them to the
 * guest (CVE-2015-5163, CVE-2022-47951, CVE-2024-32498); qemu-img info itself opens such a file (CVE-2024-4467). So the few
 * bytes of the header that say so are looked at first, and only what refers to nothing else is given to qemu-img.
 */
import { type FileHandle, open } from 'node:fs/promises'
import { Terminal } from '../../crds/index.ts'
import type { ImageInfo } from './qemu-img.ts'

export const diskFormats = ['qcow2', 'raw', 'vmdk', 'vdi', 'vhdx'] as const
export type DiskFormat = (typeof diskFormats)[number]

const unsafe = (why: string) => new Terminal('ImageUnsafe', `the image is refused: ${why}`)

/** Looks at the first bytes. Throws Terminal ImageUnsafe. */
export async function checkHeader(path: string): Promise<void> {
  const file = await open(path, 'r')
  try {
    judgeHeader(await firstBytes(file, 512))
  } finally {
    await file.close()
  }
}

async function firstBytes(file: FileHandle, count: number): Promise<Buffer> {
  const buffer = Buffer.alloc(count)
  const { bytesRead } = await file.read(buffer, 0, count, 0)
  return buffer.subarray(0, bytesRead)
}

const QCOW_MAGIC = 0x514649fb
const VMDK_MAGIC = 'KDMV'

/** Bit 2 of qcow2's incompatible features: docs/interop/qcow2.txt of QEMU. */
const EXTERNAL_DATA_FILE = 1n << 2n

/** Pure part of checkHeader. Throws Terminal ImageUnsafe. */
export function judgeHeader(head: Buffer): void {
  if (head.length >= 16 && head.readUInt32BE(0) === QCOW_MAGIC) {
    if (head.readBigUInt64BE(8) !== 0n) throw unsafe('its qcow2 header names a backing file')
    const features = head.readUInt32BE(4) >= 3 && head.length >= 80 ? head.readBigUInt64BE(72) : 0n
    if ((features & EXTERNAL_DATA_FILE) !== 0n) throw unsafe('its qcow2 header names an external data file')
  }
  // Without a capacity QEMU reads the descriptor that is inside, and all extents that it names.
  if (head.toString('latin1', 0, 4) === VMDK_MAGIC && head.length >= 20 && head.readBigUInt64LE(12) === 0n) {
    throw unsafe('its VMDK header has no capacity, so its data would be in other files')
  }
  if (/^\s*#\s*Disk\s*DescriptorFile/i.test(head.toString('latin1'))) {
    throw unsafe('it is a VMDK descriptor, its data would be in other files: convert it to qcow2 first')
  }
}

export interface Demands {
  /** What the Image says it is. */
  format: DiskFormat
  /** Largest disk, bytes. */
  maxVirtualSize: number
  /** Form of bases: as they are where that is safe, or always raw. */
  baseFormat: 'asIs' | 'raw'
}

/** What becomes of a good image. */
export type Verdict = { use: 'qcow2' | 'raw' } | { convertTo: 'qcow2' | 'raw' }

/** Throws Terminal ImageFormatMismatch, ImageUnsafe, ImageTooLarge. */
export function judge(info: ImageInfo, { format, maxVirtualSize, baseFormat }: Demands): Verdict {
  if (info.format !== format) {
    const advice = diskFormats.some((f) => f === info.format)
      ? `create an Image with format ${info.format}`
      : 'convert it to qcow2'
    throw new Terminal(
      'ImageFormatMismatch',
      `the image says format ${format}, but the file is ${info.format}: ${advice}`,
    )
  }
  refuseReferences(info)
  if (info['virtual-size'] > maxVirtualSize) {
    throw new Terminal(
      'ImageTooLarge',
      `the image's disk has ${info['virtual-size']} bytes, ${maxVirtualSize} are allowed here`,
    )
  }
  if (format === 'raw') return { use: 'raw' }
  if (baseFormat === 'raw') return { convertTo: 'raw' }
  // A snapshot inside cannot be reached by any guest: it is left behind.
  return format === 'qcow2' && (info.snapshots ?? []).length === 0 ? { use: 'qcow2' } : { convertTo: 'qcow2' }
}

function refuseReferences(info: ImageInfo): void {
  const { type, data } = info['format-specific'] ?? { type: '', data: {} }
  if (info['backing-filename'] !== undefined || info['full-backing-filename'] !== undefined)
    throw unsafe('it has a backing file')
  if (data['data-file'] !== undefined) throw unsafe('it has an external data file')
  if (info.encrypted === true) throw unsafe('it is encrypted')
  if (data.corrupt === true) throw unsafe('it is marked as corrupt')
  if (type !== 'vmdk') return
  const kind = data['create-type'] ?? ''
  if (!['monolithicSparse', 'streamOptimized'].includes(kind))
    throw unsafe(`VMDK of type ${kind}: convert it to qcow2 first`)
  if ((data.extents ?? []).length !== 1) throw unsafe('it is a VMDK of several files: convert it to qcow2 first')
}
