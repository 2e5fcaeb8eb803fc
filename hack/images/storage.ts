/**
 * The images are built in a storage apart from the machine's default storage, so that `make images` touches no other
 * images.
 */
import { existsSync, mkdirSync, rmSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { cacheDirectory } from '../../test/rig/binaries.ts'
import { runCommand } from '../../test/rig/process.ts'

export interface Storage extends AsyncDisposable {
  folder: string
  buildah(...args: string[]): Promise<string>
}

export function createStorage(name: string): Storage {
  const folder = join(dirname(cacheDirectory()), name)
  mkdirSync(folder, { recursive: true })
  const where = ['--root', join(folder, 'root'), '--runroot', join(folder, 'run'), '--storage-driver', 'overlay']
  const buildah = (...args: string[]): Promise<string> => runCommand(['buildah', ...where, ...args])
  return {
    folder,
    buildah,
    [Symbol.asyncDispose]: async () => {
      if (existsSync(folder)) await buildah('rmi', '--all', '--force').catch(() => undefined)
      rmSync(folder, { recursive: true, force: true })
    },
  }
}
