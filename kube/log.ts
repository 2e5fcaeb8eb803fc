// pino as this project uses it: JSON lines, constant messages, values as fields, the whole chain of causes of an error.
import { type DestinationStream, type Logger, pino, stdSerializers } from 'pino'

/** What this package needs of a logger; pino's fits, and so does any other of its shape. */
export interface Log {
  debug(fields: object, message: string): void
  info(fields: object, message: string): void
  warn(fields: object, message: string): void
  error(fields: object, message: string): void
  child(fields: Record<string, unknown>): Log
}

export interface LogOptions {
  level?: string
  /** Fields of every line (`{ component: 'controller' }`). */
  fields?: Record<string, unknown>
  /** Where the lines go; standard output when absent. */
  destination?: DestinationStream
}

/** A root logger. `err` fields keep every `cause` as an object of its own. */
export function createLog({ level = 'info', fields = {}, destination }: LogOptions = {}): Logger {
  const options = {
    level,
    base: fields,
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label: string) => ({ level: label }) },
    serializers: { err: stdSerializers.errWithCause },
    redact: { paths: ['headers.authorization', 'token', 'password'], censor: '[redacted]' },
  }
  // pino's own default writes behind our back: what it has not written yet is lost with a process that is killed, and out of order at its end.
  return pino(options, destination ?? pino.destination({ dest: process.stdout.fd, sync: true }))
}

/** Says nothing: the default of every part that takes a logger. */
export const noLog: Log = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
  child: () => noLog,
}
