/** A trace has a line of text per step of a run. All lines are hashed, but kept only on request. */
import type { Log } from '../../kube/log.ts'

export class Trace {
  readonly lines: string[] = []
  readonly #now: () => number
  readonly #keepsLines: boolean
  #hash = 0x811c9dc5

  constructor(now: () => number, keepsLines: boolean) {
    this.#now = now
    this.#keepsLines = keepsLines
  }

  get hash(): number {
    return this.#hash >>> 0
  }

  add(line: string): void {
    for (let i = 0; i < line.length; i++) this.#hash = Math.imul(this.#hash ^ line.charCodeAt(i), 0x01000193)
    if (this.#keepsLines) this.lines.push(`${this.#seconds()} ${line}`)
  }

  /** Log messages are lines of the trace, but do not change the hash. */
  createLog(process: string): Log {
    const write =
      (level: string) =>
      ({ err, ...fields }: { err?: unknown }, message: string): void => {
        const error = err instanceof Error ? ` ${err.message}` : ''
        this.lines.push(`${this.#seconds()}     ${level} ${process} ${message} ${JSON.stringify(fields)}${error}`)
      }
    const [info, warn, error] = [write('info'), write('warn'), write('error')]
    const log: Log = { debug: () => undefined, info, warn, error, child: (more) => withFields(log, more) }
    return log
  }

  #seconds(): string {
    return (this.#now() / 1000).toFixed(3)
  }
}

const withFields = (log: Log, more: object): Log => ({
  debug: () => undefined,
  info: (fields, message) => log.info({ ...more, ...fields }, message),
  warn: (fields, message) => log.warn({ ...more, ...fields }, message),
  error: (fields, message) => log.error({ ...more, ...fields }, message),
  child: (others) => withFields(log, { ...more, ...others }),
})
