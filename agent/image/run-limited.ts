/** Runs a program on untrusted data: without network, and with limits on CPU, memory, file size and time. */
import { spawn } from 'node:child_process'
import type { Readable } from 'node:stream'
import { Transient } from '../../crds/index.ts'

export interface ProcessLimits {
  /** CPU seconds (RLIMIT_CPU). */
  cpuSeconds: number
  /** Bytes of address space (RLIMIT_AS). */
  addressSpace: number
  /** RLIMIT_FSIZE in bytes; 0 forbids writing. */
  fileSize: number
  /** Milliseconds of wall-clock time. */
  timeout: number
}

export interface ProcessResult {
  /** Undefined if a signal ended the process. */
  code: number | undefined
  signal: NodeJS.Signals | undefined
  timedOut: boolean
  stdout: string
  stderr: string
}

/**
 * Does not throw if the program fails. If `signal` aborts, rejects with the reason of `signal`.
 * @throws a Transient error (retried) with the code CommandMissing if the program cannot be started
 */
export function runLimited(
  program: string,
  args: readonly string[],
  limits: ProcessLimits,
  signal?: AbortSignal,
): Promise<ProcessResult> {
  return runWithTimeout([...noNetworkCommand(), ...resourceLimitCommand(limits), program, ...args], limits, signal)
}

/** For programs that read no untrusted data. */
export async function runWithTimeout(
  [program, ...args]: readonly [string, ...string[]],
  { timeout }: Pick<ProcessLimits, 'timeout'>,
  signal?: AbortSignal,
): Promise<ProcessResult> {
  signal?.throwIfAborted()
  const child = spawn(program, args, {
    stdio: ['ignore', 'pipe', 'pipe'],
    // A process group of its own, so that its child processes are killed with it.
    detached: true,
    env: { PATH: process.env['PATH'], LC_ALL: 'C' },
  })
  let timedOut = false
  const killGroup = () => {
    if (child.pid !== undefined && child.exitCode === null && child.signalCode === null)
      process.kill(-child.pid, 'SIGKILL')
  }
  const timer = setTimeout(() => {
    timedOut = true
    killGroup()
  }, timeout)
  signal?.addEventListener('abort', killGroup, { once: true })
  try {
    const ended = new Promise<[number | null, NodeJS.Signals | null]>((resolve, reject) => {
      child.once('error', reject)
      child.once('close', (code, killedBy) => resolve([code, killedBy]))
    })
    const [[code, killedBy], stdout, stderr] = await Promise.all([
      ended,
      readLimited(child.stdout),
      readLimited(child.stderr),
    ])
    signal?.throwIfAborted()
    return { code: code ?? undefined, signal: killedBy ?? undefined, timedOut, stdout, stderr: stderr.trim() }
  } catch (cause) {
    signal?.throwIfAborted()
    throw new Transient('CommandMissing', `cannot run ${program}`, { cause })
  } finally {
    clearTimeout(timer)
    signal?.removeEventListener('abort', killGroup)
  }
}

/** The most characters of output that are kept: qemu-img may write a line for each cluster of a broken image. */
const MAX_OUTPUT = 1024 ** 2

async function readLimited(stream: Readable): Promise<string> {
  let output = ''
  for await (const chunk of stream.setEncoding('utf8')) if (output.length < MAX_OUTPUT) output += String(chunk)
  return output.slice(0, MAX_OUTPUT)
}

/** An agent that does not run as root may create a network namespace only inside a new user namespace. */
function noNetworkCommand(): [string, ...string[]] {
  return process.getuid?.() === 0 ? ['unshare', '--net', '--'] : ['unshare', '--user', '--map-root-user', '--net', '--']
}

/**
 * At the soft limit on CPU time the kernel sends SIGXCPU, which tells the agent the cause. At the hard limit it sends
 * SIGKILL.
 */
function resourceLimitCommand({ cpuSeconds, addressSpace, fileSize }: ProcessLimits): string[] {
  return [
    'prlimit',
    `--cpu=${cpuSeconds}:${cpuSeconds + 1}`,
    `--as=${addressSpace}`,
    `--fsize=${fileSize}`,
    '--core=0',
    '--',
  ]
}
