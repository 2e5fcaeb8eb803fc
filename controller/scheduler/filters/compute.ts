/** ComputeFilter: the host is enabled, up, and its agent has said what it has. */
import type { Filter } from '../filter.ts'

export const computeFilter: Filter = {
  name: 'ComputeFilter',
  sees: 'kind',
  prepare: () => ({
    passes: (host) => host.up && !host.forcedDown && !host.disabled && host.ready && !host.away,
    refusal(host) {
      if (host.disabled) return { what: 'disabled', detail: host.disabledReason ?? 'no reason given' }
      if (host.forcedDown) return { what: 'forced down', detail: 'spec.forcedDown is true' }
      if (!host.up) return { what: 'down', detail: 'its agent has sent no heartbeat' }
      if (host.away) return { what: 'without libvirt', detail: 'libvirt does not answer its agent' }
      return { what: 'not ready', detail: 'its agent has not reported its capacity' }
    },
  }),
}
