// A process's life: run until told to stop, stop gracefully within a deadline, crash on what nobody expected.
import type { Log } from './log.ts'

export interface MainOptions {
  log: Log
  /** From the first SIGTERM or SIGINT, `main` gets this long to end (25 000: under kubelet's 30 s); then the process exits with 1. */
  drainMs?: number | undefined
  /** Ends the process; replaced in tests. */
  exit?: ((code: number) => void) | undefined
}

/**
 * Runs `main` with a signal that aborts at SIGTERM or SIGINT (a second one exits at once). When `main` resolves the process exits with 0;
 * when it rejects, or on an unhandled rejection or exception, with 1: state is in the API server, and starting anew is the recovery.
 */
export async function runMain(main: (signal: AbortSignal) => Promise<void>, options: MainOptions): Promise<void> {
  const { log, drainMs = 25_000, exit = (code) => process.exit(code) } = options
  const stop = new AbortController()
  const onSignal = (name: NodeJS.Signals): void => {
    if (stop.signal.aborted) {
      log.warn({ signal: name }, 'second signal, exiting at once')
      exit(1)
      return
    }
    log.info({ signal: name, drainMs }, 'stopping')
    stop.abort(new Error(`received ${name}`))
    setTimeout(() => {
      log.error({ drainMs }, 'not stopped in time, exiting')
      exit(1)
    }, drainMs).unref()
  }
  const onUnexpectedError = (err: unknown): void => {
    log.error({ err }, 'unhandled error, exiting')
    exit(1)
  }
  process.on('SIGTERM', onSignal).on('SIGINT', onSignal)
  process.on('unhandledRejection', onUnexpectedError).on('uncaughtException', onUnexpectedError)
  try {
    // The abort reason coming back out of main is how many awaits end: that is a stop, not a failure.
    await main(stop.signal).catch((err: unknown) => {
      if (err !== stop.signal.reason) throw err
    })
    log.info({}, 'stopped')
    exit(0)
  } catch (err) {
    onUnexpectedError(err)
  } finally {
    process.off('SIGTERM', onSignal).off('SIGINT', onSignal)
    process.off('unhandledRejection', onUnexpectedError).off('uncaughtException', onUnexpectedError)
  }
}
