import { existsSync, writeFileSync } from 'node:fs'
import type { Log } from './log.ts'

/** kubelet kills after 30 s, so the process exits earlier by itself. */
export const DEFAULT_DRAIN_MS = 25_000

export interface MainOptions {
  log: Log
  /**
   * Milliseconds in which `main` must end after SIGTERM or SIGINT; otherwise the process exits with 1. By default
   * DEFAULT_DRAIN_MS.
   */
  drainMs?: number | undefined
  /**
   * If this file exists, it gets the message of the error that ends the process. By default the file that kubelet
   * provides; `kubectl describe pod` then shows the message.
   */
  terminationLog?: string | undefined
}

/**
 * Runs `main` with a signal that aborts at SIGTERM or SIGINT; a second one exits at once. Exits with 0 when `main`
 * resolves, and with 1 when it rejects or on any unhandled error.
 */
export async function runMain(main: (signal: AbortSignal) => Promise<void>, options: MainOptions): Promise<void> {
  const { log, drainMs = DEFAULT_DRAIN_MS, terminationLog = '/dev/termination-log' } = options
  const stop = new AbortController()
  const onSignal = (name: NodeJS.Signals): void => {
    if (stop.signal.aborted) {
      log.warn({ signal: name }, 'second signal, exiting at once')
      process.exit(1)
    }
    log.info({ signal: name, drainMs }, 'stopping')
    stop.abort(new Error(`received ${name}`))
    setTimeout(() => {
      log.error({ drainMs }, 'not stopped in time, exiting')
      process.exit(1)
    }, drainMs).unref()
  }
  const onUnexpectedError = (err: unknown): void => {
    log.error({ err }, 'unhandled error, exiting')
    writeTerminationMessage(terminationLog, err)
    process.exit(1)
  }
  process.on('SIGTERM', onSignal).on('SIGINT', onSignal)
  process.on('unhandledRejection', onUnexpectedError).on('uncaughtException', onUnexpectedError)
  try {
    // A `main` that rejects with the abort reason has stopped and not failed.
    await main(stop.signal).catch((err: unknown) => {
      if (err !== stop.signal.reason) throw err
    })
    log.info({}, 'stopped')
    process.exit(0)
  } catch (err) {
    onUnexpectedError(err)
  }
}

function writeTerminationMessage(path: string, error: unknown): void {
  try {
    if (existsSync(path)) writeFileSync(path, error instanceof Error ? error.message : String(error))
  } catch {
    // The log has the error.
  }
}
