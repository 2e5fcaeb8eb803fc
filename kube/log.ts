// Logging with pino: JSON lines with constant messages, values as fields, and errors with all of their causes.
import { type DestinationStream, type Logger, pino, stdSerializers } from 'pino'

/** The logger that this package needs. A pino logger fits, and so does any other object of this shape. */
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
  /** The stream to which the logger writes. Default: standard output. */
  destination?: DestinationStream
}

/** A logger. Fields named `err` keep every `cause` as an object. */
export function createLog({ level = 'info', fields = {}, destination }: LogOptions = {}): Logger {
  const options = {
    level,
    base: fields,
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label: string) => ({ level: label }) },
    serializers: { err: stdSerializers.errWithCause },
    redact: { paths: ['headers.authorization', 'token', 'password'], censor: '[redacted]' },
  }
  // Synchronous: pino's default writes later, so a killed process would lose its last lines.
  return pino(options, destination ?? pino.destination({ dest: process.stdout.fd, sync: true }))
}

/** A logger that logs nothing. It is the default wherever a logger is optional. */
export const noLog: Log = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
  child: () => noLog,
}
