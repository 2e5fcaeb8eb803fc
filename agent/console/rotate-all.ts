/** Rotates the console logs of all servers of the host; one that fails does not keep the others. */
import { rotate } from './rotate.ts'

const MIB = 1024 ** 2

/** @throws AggregateError of what failed */
export async function rotateLogs(logs: readonly string[], { consoleLogMib }: { consoleLogMib: number }): Promise<void> {
  const failed: unknown[] = []
  for (const log of logs)
    await rotate(log, { maxBytes: consoleLogMib * MIB }).catch((error: unknown) => failed.push(error))
  if (failed.length > 0) throw new AggregateError(failed, 'console logs could not be rotated')
}
