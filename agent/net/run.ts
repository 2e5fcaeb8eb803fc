/** Runs programs of the host: argument vectors, never a shell; always with a time limit; failures carry what was said on stderr. */
import { type ExecFileException, execFile } from 'node:child_process'
import { type Reason, Transient } from '../../crds/index.ts'

export interface RunOptions {
  /** Written to standard input. */
  readonly input?: string
  readonly signal?: AbortSignal
  /** Default 10 s: none of ours takes more than some ms. */
  readonly timeoutMs?: number
}

/**
 * Resolves to standard output.
 * @throws CommandFailed (a Transient); the signal's reason when aborted
 */
export type Run = (argv: readonly [string, ...string[]], options?: RunOptions) => Promise<string>

/** A program that is missing, was too slow, or ended with an error. */
export class CommandFailed extends Transient {
  readonly argv: readonly string[]
  readonly stderr: string
  constructor(code: Reason, message: string, argv: readonly string[], stderr: string, cause: unknown) {
    super(code, message, { cause })
    this.argv = argv
    this.stderr = stderr
  }
}

/** `prefix` goes before every command, such as `nsenter --net=…` to work on another host's network. */
export function createRun(prefix: readonly string[] = []): Run {
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
      else reject(failure(argv, error, stderr.trim(), timeoutMs))
    })
    // A program that ends without reading its input breaks the pipe; its exit status tells why.
    child.stdin?.on('error', () => undefined)
    child.stdin?.end(input)
    return promise
  }
}

function failure(argv: readonly string[], error: ExecFileException, stderr: string, timeoutMs: number): CommandFailed {
  const command = argv.join(' ')
  if (error.code === 'ENOENT')
    return new CommandFailed('CommandMissing', `${argv[0]} is not installed on this host`, argv, stderr, error)
  if (error.killed)
    return new CommandFailed('CommandTimeout', `Ended after ${timeoutMs} ms: ${command}`, argv, stderr, error)
  const how = error.signal ? `by ${error.signal}` : `with status ${error.code}`
  return new CommandFailed(
    'CommandFailed',
    `${command} ended ${how}: ${stderr || '(nothing on stderr)'}`,
    argv,
    stderr,
    error,
  )
}
