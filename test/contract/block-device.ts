/** A block device of this machine, whose content is a file. */
import { execFile } from 'node:child_process'
import { truncate, writeFile } from 'node:fs/promises'
import { promisify } from 'node:util'

const execFileAsync = promisify(execFile)

/** Makes a loop device of `bytes` bytes from a sparse file. Disposing of it detaches the device. */
export async function newBlockDevice(file: string, bytes: number): Promise<AsyncDisposable & { path: string }> {
  await writeFile(file, '')
  await truncate(file, bytes)
  const { stdout } = await execFileAsync('losetup', ['--find', '--show', file])
  const path = stdout.trim()
  return {
    path,
    async [Symbol.asyncDispose]() {
      await execFileAsync('losetup', ['--detach', path])
    },
  }
}
