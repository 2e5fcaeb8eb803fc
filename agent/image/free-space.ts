/**
 * Checks the free space on the file system that holds images and the disks of guests. QEMU stops a guest whose disk
 * cannot grow, so a part of the space stays reserved for guests, which write while the agent writes an image.
 */
import { statfs } from 'node:fs/promises'
import { createAbortScope } from '../../kube/abort.ts'
import { newDiskFull } from '../files/errors.ts'
import { GIB } from '../files/sizes.ts'

/** Milliseconds between two checks of the free space. A fast disk writes half a GiB in this time. */
const CHECK_INTERVAL_MS = 250

/** Whether `bytes` more bytes can be written without touching the reserved space. */
export type SpaceCheck = (bytes: number) => Promise<boolean>

export interface Space {
  /** Free bytes. */
  free: number
  /** Bytes that must stay free when images are written. */
  reserved: number
}

/** @param minFree bytes to reserve; default: see {@link defaultReserve} */
export async function readSpace(directory: string, minFree?: number): Promise<Space> {
  const { bavail, blocks, bsize } = await statfs(directory)
  return { free: bavail * bsize, reserved: minFree ?? defaultReserve(blocks * bsize) }
}

/** A tenth of the file system (as kubelet's nodefs.available), but at most 10 GiB. */
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
  /** The data to write, as error messages name it, for example "the copy of the image". */
  what: string
  signal: AbortSignal
}

/**
 * Runs `write` if there is space for its bytes, and aborts `write` as soon as it uses reserved space.
 * @throws a Transient error (retried) with the code DiskFull if there is not enough space
 */
export async function writeWhileSpaceLasts<T>(
  hasSpace: SpaceCheck,
  { bytes, what, signal }: PlannedWrite,
  write: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  if (!(await hasSpace(bytes))) throw newDiskFull(`the ${bytes} bytes of ${what}`)
  using scope = createAbortScope([signal])
  const checkSpace = async () => {
    if (!(await hasSpace(0))) scope.abort(newDiskFull(what))
  }
  const timer = setInterval(() => void checkSpace().catch(scope.abort), CHECK_INTERVAL_MS)
  try {
    return await write(scope.signal)
  } finally {
    clearInterval(timer)
  }
}
