/** ComputeFilter: the host must be enabled and up, and its agent must have reported its capacity and reach libvirtd. */
import type { Filter } from '../filter.ts'

export const computeFilter: Filter = {
  name: 'ComputeFilter',
  scope: 'class',
  prepare: () => ({
    passes: (host) =>
      host.up &&
      !host.forcedDown &&
      !host.disabled &&
      host.hasCapacity &&
      !host.unusable &&
      host.versionSkew === undefined,
    reject(host) {
      if (host.disabled) return { summary: 'disabled', detail: host.disabledReason ?? 'no reason given' }
      if (host.forcedDown) return { summary: 'forced down', detail: 'spec.forcedDown is true' }
      if (!host.up) return { summary: 'down', detail: 'its agent has sent no heartbeat' }
      if (host.unusable === 'LibvirtUnreachable')
        return { summary: 'without libvirt', detail: 'its agent cannot reach libvirtd' }
      if (host.versionSkew !== undefined)
        return { summary: 'with an agent of another version', detail: host.versionSkew }
      if (host.unusable) return { summary: 'not ready', detail: `see the Hypervisor: ${host.unusable}` }
      return { summary: 'not ready', detail: 'its agent has not reported its capacity' }
    },
  }),
}
