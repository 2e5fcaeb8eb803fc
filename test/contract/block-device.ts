import { execFile } from 'node:child_process'
import { truncate, writeFile } from 'node:fs/promises'
import { promisify } from 'node:util'

const execFileAsync = promisify(execFile)

/** A loop device on a sparse file. Disposing of it detaches the device. */
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
