/**
 * Runs programs of the host: without a shell, with a time limit, and with the program's stderr in the error of a
 * failure.
 */
import { type ExecFileException, execFile } from 'node:child_process'
import { type Reason, Transient } from '../../crds/index.ts'

export interface RunOptions {
  /** Written to standard input. */
  readonly input?: string
  readonly signal?: AbortSignal
  /** Default 10 s; the programs that the agent runs take some milliseconds. */
  readonly timeoutMs?: number
}

/**
 * Runs a program and resolves to its standard output.
 * @throws CommandFailed (a Transient); the signal's reason when aborted
 */
export type RunProgram = (argv: readonly [string, ...string[]], options?: RunOptions) => Promise<string>

/** The program is not installed, exceeded its time limit, or ended with an error. */
export class CommandFailed extends Transient {
  readonly argv: readonly string[]
  readonly stderr: string
  constructor(code: Reason, message: string, argv: readonly string[], stderr: string, cause: unknown) {
    super(code, message, { cause })
    this.argv = argv
    this.stderr = stderr
  }
}

/**
 * `prefix` goes before every command; a test passes `nsenter --net=…` to run programs in the network namespace of a
 * test host.
 */
export function createProgramRunner(prefix: readonly string[] = []): RunProgram {
  return (argv, { input, signal, timeoutMs = 10_000 } = {}) => {
    const [file = '', ...args] = [...prefix, ...argv]
    const { promise, resolve, reject } = Promise.withResolvers<string>()
    const options = {
      timeout: timeoutMs,
      killSignal: 'SIGKILL',
      maxBuffer: 64 << 20,
      ...(signal && { signal }),
    } as const
    const child = execFile(file, args, options, (error, stdout, stderr) => {
      if (!error) resolve(stdout)
      else if (signal?.aborted) reject(signal.reason)
      else reject(toCommandFailed(argv, error, stderr.trim(), timeoutMs))
    })
    // A program that ends without reading its input breaks the pipe. Its exit status gives the reason, so this error is
    // ignored.
    child.stdin?.on('error', () => undefined)
    child.stdin?.end(input)
    return promise
  }
}

function toCommandFailed(
  argv: readonly string[],
  error: ExecFileException,
  stderr: string,
  timeoutMs: number,
): CommandFailed {
  const command = argv.join(' ')
  if (error.code === 'ENOENT')
    return new CommandFailed('CommandMissing', `${argv[0]} is not installed on this host`, argv, stderr, error)
  if (error.killed)
    return new CommandFailed(
      'CommandTimeout',
      `${command} did not end within ${timeoutMs} ms and was killed`,
      argv,
      stderr,
      error,
    )
  const how = error.signal ? `by ${error.signal}` : `with status ${error.code}`
  return new CommandFailed(
    'CommandFailed',
    `${command} ended ${how}: ${stderr || '(nothing on stderr)'}`,
    argv,
    stderr,
    error,
  )
}
