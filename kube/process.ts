// The life of a process: it runs until SIGTERM, stops gracefully within a deadline, and exits on unexpected errors.
import type { Log } from './log.ts'

export interface MainOptions {
  log: Log
  /**
   * Milliseconds in which `main` must end after SIGTERM or SIGINT; otherwise the process exits with 1. 25 000 by
   * default, because kubelet kills the process after 30 s.
   */
  drainMs?: number | undefined
}

/**
 * Runs `main` with a signal that aborts at SIGTERM or SIGINT. A second SIGTERM or SIGINT exits at once. The process
 * exits with 0 when `main` resolves, and with 1 when `main` rejects and on any unhandled rejection or exception. All
 * state is in the API server, so a restart is enough to recover.
 */
export async function runMain(main: (signal: AbortSignal) => Promise<void>, options: MainOptions): Promise<void> {
  const { log, drainMs = 25_000 } = options
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
    process.exit(1)
  }
  process.on('SIGTERM', onSignal).on('SIGINT', onSignal)
  process.on('unhandledRejection', onUnexpectedError).on('uncaughtException', onUnexpectedError)
  try {
    // After the abort, many awaits in `main` reject with the abort reason. If `main` rejects with that reason, too, it
    // has stopped and not failed.
    await main(stop.signal).catch((err: unknown) => {
      if (err !== stop.signal.reason) throw err
    })
    log.info({}, 'stopped')
    process.exit(0)
  } catch (err) {
    onUnexpectedError(err)
  }
}
