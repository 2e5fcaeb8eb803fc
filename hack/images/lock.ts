import { spawn } from 'node:child_process'

/** `cat` inherits the locked file. It ends when this process closes its standard input, exits or is killed. */
const SCRIPT = `exec 9>"$1"
flock --nonblock 9 || { echo "images: waiting for another build" >&2; flock 9; }
echo locked
exec cat`

/** Resolves when this process has the lock. */
export async function lockFile(path: string): Promise<AsyncDisposable> {
  const child = spawn('bash', ['-ec', SCRIPT, 'bash', path], { stdio: ['pipe', 'pipe', 'inherit'] })
  const exited = new Promise<void>((resolve) => child.once('exit', () => resolve()))
  await new Promise<void>((resolve, reject) => {
    child.once('error', reject)
    child.once('exit', (code) => reject(new Error(`flock ${path}: exit code ${code}`)))
    child.stdout.once('data', () => resolve())
  })
  return {
    [Symbol.asyncDispose]: () => {
      child.stdin.end()
      return exited
    },
  }
}
