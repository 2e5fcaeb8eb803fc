/**
 * Room on the file system that images share with the disks of all guests. A part of it is kept free: a guest whose disk grows into
 * a full file system is stopped by QEMU. So who writes a whole image asks before, and again while it writes, for others write too.
 */
import { statfs } from 'node:fs/promises'
import { Transient } from '../../crds/index.ts'
import { createAbortScope } from '../../kube/abort.ts'

const GiB = 1024 ** 3
/** How often it is looked while something writes: a fast disk takes half a GiB in it. */
const WATCH_MS = 250

/** Tells whether so many more bytes may be written; 0: whether what is kept free still is. */
export type Room = (bytes: number) => Promise<boolean>

export interface Space {
  /** Bytes. */
  free: number
  /** Bytes of them that are not for images. */
  kept: number
}

/** Space on the file system of a folder. @param minFree bytes to keep; without it what {@link keptOf} says */
export async function spaceOf(directory: string, minFree?: number): Promise<Space> {
  const { bavail, blocks, bsize } = await statfs(directory)
  return { free: bavail * bsize, kept: minFree ?? keptOf(blocks * bsize) }
}

/** A tenth, as kubelet keeps of its own file system (nodefs.available), but 10 GiB are enough for a large one. Pure. */
export const keptOf = (size: number): number => Math.min(Math.floor(size / 10), 10 * GiB)

/** Room in a folder, asked anew each time. */
export function roomIn(directory: string, minFree?: number): Room {
  return async (bytes) => {
    const { free, kept } = await spaceOf(directory, minFree)
    return bytes <= free - kept
  }
}

export interface Writing {
  /** The most that it writes. */
  bytes: number
  what: string
  signal: AbortSignal
}

/** Writes if there is room for it, and as long as there is: then `work` is aborted. Throws Transient DiskFull. */
export async function withRoom<T>(
  room: Room,
  { bytes, what, signal }: Writing,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  if (!(await room(bytes))) throw new Transient('DiskFull', `no space for the ${bytes} bytes of ${what}`)
  using scope = createAbortScope([signal])
  const look = async () => {
    if (!(await room(0))) scope.abort(new Transient('DiskFull', `no space left for ${what}`))
  }
  const watch = setInterval(() => void look().catch(scope.abort), WATCH_MS)
  try {
    return await work(scope.signal)
  } finally {
    clearInterval(watch)
  }
}
