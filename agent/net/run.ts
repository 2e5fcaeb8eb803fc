import { type ExecFileException, execFile } from 'node:child_process'
import { type Reason, Transient } from '../../crds/index.ts'

export interface RunOptions {
  /** Text for the program's standard input. */
  readonly input?: string
  readonly signal?: AbortSignal
  /** Milliseconds after which the program is killed; default 10000. */
  readonly timeoutMs?: number
}

/**
 * Resolves to the program's standard output.
 * @throws CommandFailed, a Transient error (retried), if the program fails
 * @throws the signal's reason if the signal aborts
 */
export type RunProgram = (argv: readonly [string, ...string[]], options?: RunOptions) => Promise<string>

/** The program is not installed, exceeded its time limit, or exited with an error. */
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
 * @param prefix arguments before every command line; tests pass `nsenter --net=…` to enter a test host's network
 * namespace
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
    // Writing fails if the program ends without reading its input. Ignore that error, because the program's exit status
    // gives the reason.
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
