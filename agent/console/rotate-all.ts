import { MIB } from '../files/sizes.ts'
import { rotateLog } from './rotate.ts'

/**
 * Rotates each log, even if another log fails.
 * @throws AggregateError with all failures, after the last log
 */
export async function rotateLogs(logs: readonly string[], { consoleLogMib }: { consoleLogMib: number }): Promise<void> {
  const errors: unknown[] = []
  for (const log of logs)
    await rotateLog(log, { maxBytes: consoleLogMib * MIB }).catch((error: unknown) => errors.push(error))
  if (errors.length > 0) throw new AggregateError(errors, 'console logs could not be rotated')
}
