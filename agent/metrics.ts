import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { defineCounter, defineHistogram, type Metrics } from '../kube/metrics.ts'
import { type CallEnd, channels, isLibvirtError } from './libvirt/index.ts'

const callSeconds = defineHistogram('kubenova_libvirt_call_seconds', 'Time of a call of libvirt, waits included.', [
  'procedure',
])
const callErrors = defineCounter(
  'kubenova_libvirt_call_errors_total',
  'Calls of libvirt that failed, by its error code or our error.',
  ['procedure', 'code'],
)

export function recordLibvirtCalls(metrics: Metrics): () => void {
  const onCallEnd = (message: unknown): void => {
    const { procedure, durationMs, error } = message as CallEnd
    metrics.observe(callSeconds, { procedure }, durationMs / 1000)
    if (error) metrics.inc(callErrors, { procedure, code: isLibvirtError(error) ? error.code : error.name })
  }
  subscribe(channels.callEnd, onCallEnd)
  return () => void unsubscribe(channels.callEnd, onCallEnd)
}
