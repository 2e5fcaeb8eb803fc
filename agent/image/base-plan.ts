/**
 * Decides whether an image may become a base (the file in the cache that servers' disks are made from), and in which
 * format. The header of a user's image can name other files of the host, which QEMU would show to the guest as disk
 * data (CVE-2015-5163, CVE-2022-47951, CVE-2024-32498). Even qemu-img info opens such files (CVE-2024-4467), so the
 * agent checks the header itself first.
 */
import { type FileHandle, open } from 'node:fs/promises'
import { Terminal } from '../../crds/index.ts'
import { describeNonDisk, HEAD_BYTES, hasBootSignature } from './non-disk.ts'
import { readPromisedSize } from './promised-size.ts'
import { type ImageInfo, imageTruncatedError } from './qemu-img.ts'

export const diskFormats = ['qcow2', 'raw', 'vmdk', 'vdi', 'vhdx'] as const
export type DiskFormat = (typeof diskFormats)[number]

const unsafeImageError = (why: string) => new Terminal('ImageUnsafe', `the image is refused: ${why}`)

export interface ContentOrigin {
  /** The format that the Image resource claims. */
  format: DiskFormat
  mediaType?: string
  /** Whether the file has the checksum that the Image resource names. */
  isVerified: boolean
}

/**
 * @throws a Terminal error (not retried) with the code ImageUnsafe if the image's first bytes name other files,
 * ImageNotADisk if they are not those of a disk, or ImageTruncated if the header promises more bytes than the file has
 */
export async function checkImageHeader(path: string, origin: ContentOrigin): Promise<void> {
  const file = await open(path, 'r')
  try {
    const head = await readFirstBytes(file, HEAD_BYTES)
    rejectUnsafeHeader(head.subarray(0, 512))
    const complaint = describeContent(head, origin.mediaType) ?? describePage(head, origin)
    if (complaint !== undefined) throw new Terminal('ImageNotADisk', complaint)
    await rejectTruncated(file, origin)
  } finally {
    await file.close()
  }
}

/** Describes a file that is no disk, and what the user can do; undefined if the file may be a disk. */
export async function describeFile(path: string, mediaType: string | undefined): Promise<string | undefined> {
  const file = await open(path, 'r')
  try {
    return describeContent(await readFirstBytes(file, HEAD_BYTES), mediaType)
  } finally {
    await file.close()
  }
}

const mediaTypeNote = (mediaType: string | undefined) =>
  mediaType === undefined ? '' : `, of the Content-Type ${mediaType}`

function describeContent(head: Buffer, mediaType: string | undefined): string | undefined {
  const found = describeNonDisk(head)
  return found && `the source gave ${found.what}${mediaTypeNote(mediaType)}, and no disk: ${found.advice}`
}

/**
 * Describes a file whose source gives it the media type of a page. The content need not look like a page, because it
 * may be encrypted. Returns undefined if a boot sector, the right checksum, or a format other than raw shows that the
 * file is a disk.
 */
function describePage(head: Buffer, { format, mediaType, isVerified }: ContentOrigin): string | undefined {
  const isPage = /^(text\/(html|xml)|application\/(json|xml|xhtml\+xml))$/.test(mediaType ?? '')
  if (!isPage || format !== 'raw' || isVerified || hasBootSignature(head)) return undefined
  return `the source gave a page${mediaTypeNote(mediaType)}, and nothing shows that it is a disk: correct the URL, or create an Image with the checksum of the disk`
}

/** A raw file with the right checksum is whole, whatever its header says. */
async function rejectTruncated(file: FileHandle, { format, isVerified }: ContentOrigin): Promise<void> {
  if (isVerified && format === 'raw') return
  const [promised = 0, { size }] = [await readPromisedSize(file, format), await file.stat()]
  if (size < promised) throw imageTruncatedError(`it has ${size} bytes, and needs at least ${promised}`)
}

async function readFirstBytes(file: FileHandle, count: number): Promise<Buffer> {
  const buffer = Buffer.alloc(count)
  const { bytesRead } = await file.read(buffer, 0, count, 0)
  return buffer.subarray(0, bytesRead)
}

const QCOW_MAGIC = 0x514649fb
const VMDK_MAGIC = 'KDMV'

/** docs/interop/qcow2.txt of QEMU. */
const EXTERNAL_DATA_FILE = 1n << 2n

/** @throws a Terminal error (not retried) with the code ImageUnsafe if the header names other files */
export function rejectUnsafeHeader(header: Buffer): void {
  if (header.length >= 16 && header.readUInt32BE(0) === QCOW_MAGIC) {
    if (header.readBigUInt64BE(8) !== 0n) throw unsafeImageError('its qcow2 header names a backing file')
    const features = header.readUInt32BE(4) >= 3 && header.length >= 80 ? header.readBigUInt64BE(72) : 0n
    if ((features & EXTERNAL_DATA_FILE) !== 0n) throw unsafeImageError('its qcow2 header names an external data file')
  }
  // If the capacity in the VMDK header is 0, QEMU reads a descriptor inside the file and opens all files that it names.
  if (header.toString('latin1', 0, 4) === VMDK_MAGIC && header.length >= 20 && header.readBigUInt64LE(12) === 0n) {
    throw unsafeImageError('its VMDK header has no capacity, so its data would be in other files')
  }
  if (/^\s*#\s*Disk\s*DescriptorFile/i.test(header.toString('latin1'))) {
    throw unsafeImageError('it is a VMDK descriptor, its data would be in other files: convert it to qcow2 first')
  }
}

export interface BaseRequirements {
  /** The format that the Image resource claims. */
  format: DiskFormat
  /** Bytes. */
  maxVirtualSize: number
  /**
   * `asIs`: a qcow2 or raw image keeps its format, and images in other formats become qcow2. `raw`: every base is raw.
   */
  baseFormat: 'asIs' | 'raw'
}

export type BasePlan = { use: 'qcow2' | 'raw' } | { convertTo: 'qcow2' | 'raw' }

/**
 * @param info the output of qemu-img info
 * @throws a Terminal error (not retried) with the code ImageFormatMismatch, ImageUnsafe or ImageTooLarge if the image
 * may not become a base
 */
export function planBase(info: ImageInfo, { format, maxVirtualSize, baseFormat }: BaseRequirements): BasePlan {
  if (info.format !== format) {
    throw new Terminal(
      'ImageFormatMismatch',
      `the Image has format ${format}, but the file is ${info.format}${formatAdvice(info.format)}`,
    )
  }
  rejectUnsafeImage(info)
  if (info['virtual-size'] > maxVirtualSize) {
    throw new Terminal(
      'ImageTooLarge',
      `the image's disk has ${info['virtual-size']} bytes, ${maxVirtualSize} are allowed here`,
    )
  }
  if (format === 'raw') return { use: 'raw' }
  if (baseFormat === 'raw') return { convertTo: 'raw' }
  // The conversion drops the snapshots, which no guest could reach.
  return format === 'qcow2' && (info.snapshots ?? []).length === 0 ? { use: 'qcow2' } : { convertTo: 'qcow2' }
}

function formatAdvice(actual: string): string {
  // QEMU reports raw for every file whose format it does not recognize, so the file may also be a damaged image.
  if (actual === 'raw')
    return ', or damaged at its beginning: if it is a disk as it is, create an Image with format raw'
  return diskFormats.some((known) => known === actual)
    ? `: create an Image with format ${actual}`
    : ': convert it to qcow2'
}

/**
 * @throws a Terminal error (not retried) with the code ImageUnsafe if the image refers to other files, is encrypted or
 * is marked as corrupt
 */
function rejectUnsafeImage(info: ImageInfo): void {
  const { type, data } = info['format-specific'] ?? { type: '', data: {} }
  if (info['backing-filename'] !== undefined || info['full-backing-filename'] !== undefined)
    throw unsafeImageError('it has a backing file')
  if (data['data-file'] !== undefined) throw unsafeImageError('it has an external data file')
  if (info.encrypted === true) throw unsafeImageError('it is encrypted')
  if (data.corrupt === true) throw unsafeImageError('it is marked as corrupt')
  if (type !== 'vmdk') return
  const createType = data['create-type'] ?? ''
  if (!['monolithicSparse', 'streamOptimized'].includes(createType))
    throw unsafeImageError(`it is a VMDK of type ${createType}: convert it to qcow2 first`)
  if ((data.extents ?? []).length !== 1)
    throw unsafeImageError('it is a VMDK of several files: convert it to qcow2 first')
}
