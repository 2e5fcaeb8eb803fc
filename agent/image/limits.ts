/** Running a program on data that nobody trusts: limited in CPU, memory, file size and time, without network. */
import { spawn } from 'node:child_process'
import { text } from 'node:stream/consumers'
import { Transient } from '../../crds/index.ts'

export interface Limits {
  /** CPU seconds (RLIMIT_CPU). */
  cpuSeconds: number
  /** Bytes of address space (RLIMIT_AS). */
  addressSpace: number
  /** Largest file that it may write (RLIMIT_FSIZE); 0: none. */
  fileSize: number
  /** Time on the clock, milliseconds; then it is killed. */
  timeout: number
}

export interface Outcome {
  /** undefined: ended by a signal. */
  code: number | undefined
  signal: NodeJS.Signals | undefined
  timedOut: boolean
  stdout: string
  stderr: string
}

/**
 * Runs a program to its end, whatever that is. Throws Transient ToolUnavailable if it cannot be started, and the signal's
 * reason when aborted.
 */
export function runLimited(
  program: string,
  args: readonly string[],
  limits: Limits,
  signal?: AbortSignal,
): Promise<Outcome> {
  return runTimed([...withoutNetwork(), ...prlimit(limits), program, ...args], limits, signal)
}

/** The same without limits but of time: for a program that reads nothing which somebody else made. */
export async function runTimed(
  [program, ...args]: readonly [string, ...string[]],
  { timeout }: Pick<Limits, 'timeout'>,
  signal?: AbortSignal,
): Promise<Outcome> {
  signal?.throwIfAborted()
  const child = spawn(program, args, {
    stdio: ['ignore', 'pipe', 'pipe'],
    // A group of its own: unshare, prlimit and the program are one process by then, but what it starts is not.
    detached: true,
    env: { PATH: process.env['PATH'], LC_ALL: 'C' },
  })
  let timedOut = false
  const kill = () => {
    if (child.pid !== undefined && child.exitCode === null && child.signalCode === null)
      process.kill(-child.pid, 'SIGKILL')
  }
  const timer = setTimeout(() => {
    timedOut = true
    kill()
  }, timeout)
  signal?.addEventListener('abort', kill, { once: true })
  try {
    const ended = new Promise<[number | null, NodeJS.Signals | null]>((resolve, reject) => {
      child.once('error', reject)
      child.once('close', (code, killedBy) => resolve([code, killedBy]))
    })
    const [[code, killedBy], stdout, stderr] = await Promise.all([ended, text(child.stdout), text(child.stderr)])
    signal?.throwIfAborted()
    return { code: code ?? undefined, signal: killedBy ?? undefined, timedOut, stdout, stderr: stderr.trim() }
  } catch (cause) {
    signal?.throwIfAborted()
    throw new Transient('ToolUnavailable', `cannot run ${program}`, { cause })
  } finally {
    clearTimeout(timer)
    signal?.removeEventListener('abort', kill)
  }
}

/** An empty network namespace. Who is not root needs a user namespace for it. */
function withoutNetwork(): [string, ...string[]] {
  return process.getuid?.() === 0 ? ['unshare', '--net', '--'] : ['unshare', '--user', '--map-root-user', '--net', '--']
}

/** The soft limit of CPU time ends it with SIGXCPU, which tells why; the hard one with SIGKILL. */
function prlimit({ cpuSeconds, addressSpace, fileSize }: Limits): string[] {
  return [
    'prlimit',
    `--cpu=${cpuSeconds}:${cpuSeconds + 1}`,
    `--as=${addressSpace}`,
    `--fsize=${fileSize}`,
    '--core=0',
    '--',
  ]
}
