/**
 * A lock between processes by flock(2): the kernel releases it when its holder dies. Node has no flock, so a child,
 * util-linux's flock, holds the lock for as long as our end of its standard input is open.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { Transient } from '../../crds/index.ts'

/** Waits for the lock; disposing of the result releases it. Creates the file if needed and leaves it. */
export async function lockFile(path: string, signal?: AbortSignal): Promise<AsyncDisposable> {
  signal?.throwIfAborted()
  const child = spawn('flock', ['--exclusive', path, 'sh', '-c', 'echo locked; exec cat >/dev/null'], {
    stdio: ['pipe', 'pipe', 'pipe'],
  })
  const closed = once(child, 'close')
  // Keeps an error of a child that ends after the release from becoming an unhandled rejection.
  closed.catch(() => undefined)
  // The pipe breaks if the child ends first; `closed` reports that.
  child.stdin.on('error', () => undefined)
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
      throw new Transient('LockFailed', `cannot lock ${path}: ${String(child.stderr.read() ?? first[0])}`)
  } catch (error) {
    child.stdin.end()
    signal?.throwIfAborted()
    throw error
  } finally {
    signal?.removeEventListener('abort', abort)
  }
  return { [Symbol.asyncDispose]: release }
}
