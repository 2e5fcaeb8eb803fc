/**
 * The images are built in a storage apart from the machine's default storage, so that `make images` touches no other
 * images.
 */
import { mkdirSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { lockFile } from '../../agent/files/lock-file.ts'
import { cacheDirectory } from '../../test/rig/binaries.ts'
import { runCommand } from '../../test/rig/process.ts'

/** A lock that is free is taken within some milliseconds. */
const NOTICE_MS = 1_000

export interface Storage extends AsyncDisposable {
  folder: string
  buildah(...args: string[]): Promise<string>
}

export const imageStorageFolder = (): string => join(dirname(cacheDirectory()), 'images')

/**
 * Waits until no other process has the storage open. The same image has the same ID in two builds, so the end of one
 * build would remove the image of the other.
 */
export async function openStorage(folder: string): Promise<Storage> {
  mkdirSync(folder, { recursive: true })
  const lock = await lockAndReportWait(join(folder, 'lock'))
  const where = ['--root', join(folder, 'root'), '--runroot', join(folder, 'run'), '--storage-driver', 'overlay']
  const buildah = (...args: string[]): Promise<string> => runCommand(['buildah', ...where, ...args])
  return {
    folder,
    buildah,
    [Symbol.asyncDispose]: async () => {
      // These commands also remove what a killed build has left. If they fail, the next build tries again.
      await buildah('rm', '--all').catch(() => undefined)
      await buildah('rmi', '--prune').catch(() => undefined)
      await lock[Symbol.asyncDispose]()
    },
  }
}

async function lockAndReportWait(path: string): Promise<AsyncDisposable> {
  const notice = setTimeout(() => console.error('images: waiting for another build'), NOTICE_MS)
  try {
    return await lockFile(path)
  } finally {
    clearTimeout(notice)
  }
}
