/**
 * Free space on the file system that images share with the disks of all guests. A part of it stays reserved, because
 * QEMU stops a guest whose disk grows into a full file system. So the agent checks the space before it writes an image
 * and again while it writes, since guests write as well.
 */
import { statfs } from 'node:fs/promises'
import { Transient } from '../../crds/index.ts'
import { createAbortScope } from '../../kube/abort.ts'
import { GIB } from '../files/sizes.ts'

/** How often the space is checked during a write: a fast disk writes half a GiB in that time. */
const CHECK_INTERVAL_MS = 250

/** Returns whether this many more bytes may be written; for 0 bytes, whether the reserved space is untouched. */
export type SpaceCheck = (bytes: number) => Promise<boolean>

export interface Space {
  /** Free bytes. */
  free: number
  /** Bytes that must stay free when images are written. */
  reserved: number
}

/**
 * Reads the space on the file system of a directory.
 * @param minFree bytes to reserve; default: see {@link defaultReserve}
 */
export async function readSpace(directory: string, minFree?: number): Promise<Space> {
  const { bavail, blocks, bsize } = await statfs(directory)
  return { free: bavail * bsize, reserved: minFree ?? defaultReserve(blocks * bsize) }
}

/**
 * The bytes to reserve by default: a tenth of the file system, as kubelet reserves (nodefs.available), but at most 10
 * GiB.
 */
export const defaultReserve = (size: number): number => Math.min(Math.floor(size / 10), 10 * GIB)

export function createSpaceCheck(directory: string, minFree?: number): SpaceCheck {
  return async (bytes) => {
    const { free, reserved } = await readSpace(directory, minFree)
    return bytes <= free - reserved
  }
}

export interface PlannedWrite {
  /** Upper bound of the bytes to write. */
  bytes: number
  /** Name of what is written, for messages. */
  what: string
  signal: AbortSignal
}

/**
 * Runs `write` if there is space for it, and aborts it when it touches the reserved space.
 * @throws a Transient error (retried) with the code DiskFull if there is not enough space
 */
export async function writeWhileSpaceLasts<T>(
  hasSpace: SpaceCheck,
  { bytes, what, signal }: PlannedWrite,
  write: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  if (!(await hasSpace(bytes))) throw new Transient('DiskFull', `no space for the ${bytes} bytes of ${what}`)
  using scope = createAbortScope([signal])
  const checkSpace = async () => {
    if (!(await hasSpace(0))) scope.abort(new Transient('DiskFull', `no space left for ${what}`))
  }
  const timer = setInterval(() => void checkSpace().catch(scope.abort), CHECK_INTERVAL_MS)
  try {
    return await write(scope.signal)
  } finally {
    clearInterval(timer)
  }
}
