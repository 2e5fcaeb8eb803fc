/** Metrics of the agent that no single part owns: its calls of libvirt, taken from what the client publishes. */
import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { defineCounter, defineHistogram, type Metrics } from '../kube/metrics.ts'
import { type CallEnd, channels, isLibvirtError } from './libvirt/index.ts'

const seconds = defineHistogram('kubenova_libvirt_call_seconds', 'Time of a call of libvirt, waits included.', [
  'procedure',
])
const errors = defineCounter(
  'kubenova_libvirt_call_errors_total',
  'Calls of libvirt that failed, by its error code or our error.',
  ['procedure', 'code'],
)

/** Counts until the returned function is called. */
export function measureLibvirt(metrics: Metrics): () => void {
  const ended = (message: unknown): void => {
    const { procedure, durationMs, error } = message as CallEnd
    metrics.observe(seconds, { procedure }, durationMs / 1000)
    if (error) metrics.inc(errors, { procedure, code: isLibvirtError(error) ? error.code : error.name })
  }
  subscribe(channels.callEnd, ended)
  return () => void unsubscribe(channels.callEnd, ended)
}
