import { type DestinationStream, type Logger, pino, stdSerializers } from 'pino'

/** A pino logger fits. */
export interface Log {
  debug(fields: object, message: string): void
  info(fields: object, message: string): void
  warn(fields: object, message: string): void
  error(fields: object, message: string): void
  child(fields: Record<string, unknown>): Log
}

export interface LogOptions {
  level?: string
  /** Fields of every line, such as `{ component: 'controller' }`. */
  fields?: Record<string, unknown>
  /** Default: standard output. */
  destination?: DestinationStream
}

/** Fields named `err` keep every `cause` as an object. */
export function createLog({ level = 'info', fields = {}, destination }: LogOptions = {}): Logger {
  const options = {
    level,
    base: fields,
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label: string) => ({ level: label }) },
    serializers: { err: stdSerializers.errWithCause },
    redact: { paths: ['headers.authorization', 'token', 'password'], censor: '[redacted]' },
  }
  // Synchronous, because a killed process would lose the lines that pino buffers.
  return pino(options, destination ?? pino.destination({ dest: process.stdout.fd, sync: true }))
}

/** The default wherever a logger is optional. */
export const noLog: Log = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
  child: () => noLog,
}
