/**
 * A lock between processes by flock(2), which the kernel releases when the holder dies. Node has no flock(2), so
 * util-linux's flock holds the lock, in a child process that ends when the agent dies.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { Transient } from '../../crds/index.ts'

/** Waits for the lock. Creates the file if needed and never removes it. Disposing of the result releases the lock. */
export async function lockFile(path: string, signal?: AbortSignal): Promise<AsyncDisposable> {
  signal?.throwIfAborted()
  const child = spawn('flock', ['--exclusive', path, 'sh', '-c', 'echo locked; exec cat >/dev/null'], {
    stdio: ['pipe', 'pipe', 'pipe'],
  })
  const closed = once(child, 'close')
  // Prevents an unhandled rejection while no caller awaits `closed`.
  closed.catch(() => undefined)
  // If the child has ended, writing to its input fails. `closed` already reports the end, so this error is ignored.
  child.stdin.on('error', () => undefined)
  let output = ''
  child.stderr.on('data', (chunk: Buffer) => (output += chunk.toString()))
  const release = async () => {
    child.stdin.end()
    await closed
  }
  const abort = () => child.kill('SIGKILL')
  signal?.addEventListener('abort', abort, { once: true })
  try {
    const first = await Promise.race([once(child.stdout, 'data'), closed])
    signal?.throwIfAborted()
    if (String(first[0]).trim() !== 'locked')
      throw new Transient('LockFailed', `cannot lock ${path}: ${output.trim() || String(first[0])}`)
  } catch (error) {
    child.stdin.end()
    signal?.throwIfAborted()
    throw error
  } finally {
    signal?.removeEventListener('abort', abort)
  }
  return { [Symbol.asyncDispose]: release }
}
