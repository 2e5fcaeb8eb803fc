/**
 * Runs qemu-img under limits. Only qemu-img reads disk formats, apart from a first look at the header (base-plan.ts,
 * promised-size.ts).
 */
import { type Reason, Terminal, Transient } from '../../crds/index.ts'
import { GIB } from '../files/sizes.ts'
import { type ProcessLimits, type ProcessResult, runLimited, runWithTimeout } from './run-limited.ts'

/** Nova's limits (oslo.utils, QEMU_IMG_LIMITS): 30 seconds of CPU, 1 GiB of memory. */
const INFO_LIMITS: ProcessLimits = { cpuSeconds: 30, addressSpace: GIB, fileSize: 0, timeout: 60_000 }

export interface ImageInfo {
  format: string
  'virtual-size': number
  'actual-size'?: number
  'backing-filename'?: string
  'full-backing-filename'?: string
  'backing-filename-format'?: string
  encrypted?: boolean
  snapshots?: readonly { name: string }[]
  'format-specific'?: {
    type: string
    data: {
      'data-file'?: string
      corrupt?: boolean
      'create-type'?: string
      extents?: readonly object[]
    }
  }
}

/**
 * Never use it for a raw disk of a guest, because the guest controls which format QEMU would guess.
 * @throws a Terminal error (not retried) with the code ImageUnreadable if qemu-img fails, or ImageTruncated if the file
 * is cut off
 */
export async function readImageInfo(path: string, signal?: AbortSignal): Promise<ImageInfo> {
  const result = await runLimited('qemu-img', ['info', '--output=json', '--force-share', path], INFO_LIMITS, signal)
  rejectTruncated(result)
  if (result.code !== 0)
    throw new Terminal('ImageUnreadable', `qemu-img cannot read the image: ${failureReasonOf(result, path)}`)
  return JSON.parse(result.stdout) as ImageInfo
}

/** Messages of qemu-img about an image whose tables refer to data after the end of its file. */
const TRUNCATED = /truncated|after (the )?end of (the )?file|after EOF|exceeding the end of the file|is outside image/

function rejectTruncated({ stderr }: ProcessResult): void {
  if (!TRUNCATED.test(stderr)) return
  throw imageTruncatedError('its tables name data after its end')
}

export const imageTruncatedError = (detail: string): Terminal =>
  new Terminal(
    'ImageTruncated',
    `the image is cut off (${detail}): make sure that the whole file is at the URL, and create an Image with its checksum`,
  )

/**
 * Checks that the file contains all data that its tables refer to. Other errors in the tables would matter only for
 * writes, and guests do not write to the image.
 * @throws a Terminal error (not retried) with the code ImageTruncated if a part is missing
 */
export async function checkImageIsWhole(path: string, info: ImageInfo, signal?: AbortSignal): Promise<void> {
  if (info.format !== 'qcow2' && info.format !== 'vmdk') return
  const limits = { ...conversionLimits(info['virtual-size']), fileSize: 0 }
  rejectTruncated(await runLimited('qemu-img', ['check', '--force-share', '-f', info.format, path], limits, signal))
}

/**
 * For a disk that the caller knows to be qcow2, so that QEMU need not guess the format. The disk may be in use.
 * @throws a Transient error (retried) with the code DiskUnusable if qemu-img fails
 */
export async function readLayerInfo(path: string, signal?: AbortSignal): Promise<ImageInfo> {
  const args = ['info', '--output=json', '--force-share', '-f', 'qcow2', path]
  const result = await runLimited('qemu-img', args, INFO_LIMITS, signal)
  if (result.code === 0) return JSON.parse(result.stdout) as ImageInfo
  throw new Transient(
    'DiskUnusable',
    `qemu-img cannot read the disk ${path} as qcow2: ${failureReasonOf(result, path)}`,
  )
}

/**
 * An upper bound in bytes for a conversion to qcow2 or to a sparse raw file.
 * @throws a Terminal error (not retried) with the code ImageUnreadable if qemu-img fails
 */
export async function measureConvertedSize(source: string, info: ImageInfo, signal?: AbortSignal): Promise<number> {
  const limits = { ...conversionLimits(info['virtual-size']), fileSize: 0 }
  // Measure for qcow2 even if the target is raw: for raw, qemu-img would count the holes of the file, although they
  // take no space.
  const args = ['measure', '--output=json', '-f', info.format, '-O', 'qcow2', source]
  const result = await runLimited('qemu-img', args, limits, signal)
  if (result.code !== 0) throw qemuImgError('ImageUnreadable', 'cannot measure the image', result, source)
  const { required } = JSON.parse(result.stdout) as { required: number }
  // QEMU does not see the holes of a vhdx, and measures too much. A vhdx is never compressed, so the size of its file
  // is an upper bound, too.
  return info.format === 'vhdx' ? Math.min(required, info['actual-size'] ?? required) : required
}

export interface ConvertOptions {
  from: string
  to: 'qcow2' | 'raw'
  /** Bytes of the disk that the image contains. The limits on time and file size grow with it. */
  virtualSize: number
  signal?: AbortSignal
}

/**
 * qemu-img reads the source in the format `from`, and does not guess.
 * @throws a Transient error (retried) with the code DiskFull if the disk is full
 * @throws a Terminal error (not retried) with the code ImageUnreadable if qemu-img fails for another reason
 */
export async function convertImage(source: string, target: string, options: ConvertOptions): Promise<void> {
  const { from, to, virtualSize, signal } = options
  // A qcow2 file can be larger than its disk, by two tables of 1/8192 of the disk's size each and some clusters.
  const limits = { ...conversionLimits(virtualSize), fileSize: Math.ceil(virtualSize * 1.01) + GIB / 16 }
  const args = ['convert', '-f', from, '-O', to, source, target]
  const result = await runLimited('qemu-img', args, limits, signal)
  if (result.code !== 0)
    throw qemuImgError('ImageUnreadable', `cannot convert the image from ${from} to ${to}`, result, source)
}

/**
 * qemu-img does not read the base, so the caller has to check that the base exists.
 * @throws a Transient error (retried) with the code DiskFull if the disk is full
 * @throws a Terminal error (not retried) with the code DiskCreateFailed if qemu-img fails for another reason
 */
export async function createOverlay(
  path: string,
  base: { path: string; format: string },
  size: number,
  signal?: AbortSignal,
): Promise<void> {
  const backing = ['-f', 'qcow2', '-F', base.format, '-b', base.path]
  const command = ['qemu-img', 'create', '-u', '-q', ...backing, path, String(size)] as const
  const result = await runWithTimeout(command, INFO_LIMITS, signal)
  if (result.code !== 0) throw qemuImgError('DiskCreateFailed', 'qemu-img create failed', result, path)
}

/**
 * Enlarges a disk to `size` bytes.
 * @throws a Transient error (retried) with the code DiskFull if the disk is full
 * @throws a Terminal error (not retried) with the code DiskCreateFailed if qemu-img fails for another reason
 */
export async function growDisk(path: string, format: string, size: number, signal?: AbortSignal): Promise<void> {
  const limits = { ...INFO_LIMITS, fileSize: 1024 * GIB }
  const result = await runLimited('qemu-img', ['resize', '-q', '-f', format, path, String(size)], limits, signal)
  if (result.code !== 0) throw qemuImgError('DiskCreateFailed', 'qemu-img resize failed', result, path)
}

/** Two hours of CPU time per TiB, at least ten minutes. */
function conversionLimits(bytes: number): Omit<ProcessLimits, 'fileSize'> {
  const seconds = Math.max(600, Math.ceil((bytes / 1024 ** 4) * 7200))
  return { cpuSeconds: seconds, addressSpace: 2 * GIB, timeout: seconds * 2000 }
}

function qemuImgError(code: Reason, what: string, result: ProcessResult, path: string): Terminal | Transient {
  if (/no space left on device|disk quota exceeded/i.test(result.stderr)) {
    return new Transient('DiskFull', `${what}: the host's disk is full`)
  }
  return new Terminal(code, `${what}: ${failureReasonOf(result, path)}`)
}

/** For users: contains no path of the host. */
function failureReasonOf({ timedOut, signal, code, stderr }: ProcessResult, path: string): string {
  if (timedOut) return 'it took too long'
  if (signal === 'SIGXCPU') return 'it took too much CPU time'
  if (signal === 'SIGXFSZ') return 'it became larger than it may'
  const lastLine = stderr
    .replaceAll(path, 'image')
    .replaceAll(/^qemu-img: /gm, '')
    .split('\n')
    .at(-1)
  return lastLine || `ended by ${signal ?? `exit code ${code}`}`
}
