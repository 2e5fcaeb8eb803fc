/** qemu-img, the only reader of disk formats, under limits: info, create, convert, resize. */
import { type Reason, Terminal, Transient } from '../../crds/index.ts'
import { type Limits, type Outcome, runLimited, runTimed } from './limits.ts'

const GiB = 1024 ** 3

/** As Nova limits it (oslo.utils, QEMU_IMG_LIMITS): 30 seconds of CPU, 1 GiB of memory. */
const INSPECT: Limits = { cpuSeconds: 30, addressSpace: GiB, fileSize: 0, timeout: 60_000 }

/** What is used of `qemu-img info --output=json`. */
export interface ImageInfo {
  format: string
  'virtual-size': number
  'actual-size'?: number
  'backing-filename'?: string
  'full-backing-filename'?: string
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
 * Looks at an image whose format QEMU has to guess. Never use it for a raw disk of a guest: the guest decides what QEMU would guess.
 * Throws Terminal ImageUnreadable.
 */
export async function imageInfo(path: string, signal?: AbortSignal): Promise<ImageInfo> {
  const out = await runLimited('qemu-img', ['info', '--output=json', '--force-share', path], INSPECT, signal)
  if (out.code !== 0) throw new Terminal('ImageUnreadable', `qemu-img cannot read the image: ${reasonOf(out, path)}`)
  return JSON.parse(out.stdout) as ImageInfo
}

/**
 * The most that the image takes on disk when it is converted, to qcow2 or to a raw file with holes: bytes.
 * Throws Terminal ImageUnreadable.
 */
export async function convertedSize(source: string, info: ImageInfo, signal?: AbortSignal): Promise<number> {
  const limits = { ...lasting(info['virtual-size']), fileSize: 0 }
  // Of a raw file it would count the holes, too.
  const args = ['measure', '--output=json', '-f', info.format, '-O', 'qcow2', source]
  const out = await runLimited('qemu-img', args, limits, signal)
  if (out.code !== 0) throw failure('ImageUnreadable', 'cannot measure the image', out, source)
  const { required } = JSON.parse(out.stdout) as { required: number }
  // QEMU does not know the holes of a vhdx; but nothing in it is compressed, so its file is no smaller than what it holds.
  return info.format === 'vhdx' ? Math.min(required, info['actual-size'] ?? required) : required
}

export interface ConvertOptions {
  from: string
  to: 'qcow2' | 'raw'
  /** The image's virtual size: sets the largest file that may be written, and the time. */
  virtualSize: number
  signal?: AbortSignal
}

/**
 * Writes the disk in another format; the source is only read as `from`.
 * Throws Transient DiskFull, Terminal ImageUnreadable.
 */
export async function convertImage(source: string, target: string, options: ConvertOptions): Promise<void> {
  const { from, to, virtualSize, signal } = options
  // qcow2 needs more than the disk itself: tables of 1/8192 each for mapping and reference counts, and some clusters.
  const limits = { ...lasting(virtualSize), fileSize: Math.ceil(virtualSize * 1.01) + GiB / 16 }
  const args = ['convert', '-f', from, '-O', to, source, target]
  const out = await runLimited('qemu-img', args, limits, signal)
  if (out.code !== 0) throw failure('ImageUnreadable', `cannot convert the image from ${from} to ${to}`, out, source)
}

/**
 * A thin disk that holds only what differs from `base`, of which nothing is read: that it is there is the caller's to know. Throws Transient
 * DiskFull, Terminal DiskFailed.
 */
export async function createOverlay(
  path: string,
  base: { path: string; format: string },
  size: number,
  signal?: AbortSignal,
): Promise<void> {
  const of = ['-f', 'qcow2', '-F', base.format, '-b', base.path]
  const out = await runTimed(['qemu-img', 'create', '-u', '-q', ...of, path, String(size)], INSPECT, signal)
  if (out.code !== 0) throw failure('DiskFailed', 'qemu-img create failed', out, path)
}

/** Makes a disk larger. Throws Transient DiskFull, Terminal DiskFailed. */
export async function growDisk(path: string, format: string, size: number, signal?: AbortSignal): Promise<void> {
  const limits = { ...INSPECT, fileSize: 1024 * GiB }
  const out = await runLimited('qemu-img', ['resize', '-q', '-f', format, path, String(size)], limits, signal)
  if (out.code !== 0) throw failure('DiskFailed', 'qemu-img resize failed', out, path)
}

/** Two hours for a TiB, and never less than ten minutes. */
function lasting(bytes: number): Omit<Limits, 'fileSize'> {
  const seconds = Math.max(600, Math.ceil((bytes / 1024 ** 4) * 7200))
  return { cpuSeconds: seconds, addressSpace: 2 * GiB, timeout: seconds * 2000 }
}

function failure(code: Reason, what: string, out: Outcome, path: string): Terminal | Transient {
  if (/no space left on device|disk quota exceeded/i.test(out.stderr)) {
    return new Transient('DiskFull', `${what}: the host's disk is full`)
  }
  return new Terminal(code, `${what}: ${reasonOf(out, path)}`)
}

/** Why it failed, without the host's paths: users read it. */
function reasonOf({ timedOut, signal, code, stderr }: Outcome, path: string): string {
  if (timedOut) return 'it took too long'
  if (signal === 'SIGXCPU') return 'it took too much CPU time'
  if (signal === 'SIGXFSZ') return 'it became larger than it may'
  const said = stderr
    .replaceAll(path, 'image')
    .replaceAll(/^qemu-img: /gm, '')
    .split('\n')
    .at(-1)
  return said || `ended by ${signal ?? `exit code ${code}`}`
}
