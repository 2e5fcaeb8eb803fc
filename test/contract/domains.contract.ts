import { afterEach, describe, expect, it } from 'vitest'
import type { ContractHost } from './contract-host.ts'
import {
  type CallName,
  domainCalls,
  domainStates,
  libvirtError,
  newPreparedGuest,
  outcomeOf,
  type StateName,
} from './domain-calls.ts'
import { describeCrashes, describeMissingResources } from './domain-failures.ts'
import {
  describeForeignDomains,
  describeInjectNmi,
  describeObservedReasons,
  describeRequestShutdown,
  describeRunningBootId,
} from './domain-observations.ts'

/**
 * For each call and each state of the domain: the domain's power afterwards, or the error. A second identical call has
 * the same outcome. An error leaves the domain unchanged.
 */
const outcomes: Record<CallName, Record<StateName, string>> = {
  define: {
    missing: 'off',
    off: 'off',
    running: 'running',
    paused: 'paused',
    saved: 'saved',
    transient: 'running',
  },
  start: {
    missing: libvirtError,
    off: 'running',
    running: 'running',
    paused: 'paused',
    saved: 'running',
    transient: 'running',
  },
  requestShutdown: {
    missing: 'missing',
    off: 'off',
    running: 'running',
    paused: 'paused',
    saved: 'off',
    transient: 'running',
  },
  destroy: {
    missing: 'missing',
    off: 'off',
    running: 'off',
    paused: 'off',
    saved: 'off',
    transient: 'missing',
  },
  pause: {
    missing: libvirtError,
    off: libvirtError,
    running: 'paused',
    paused: 'paused',
    saved: libvirtError,
    transient: 'paused',
  },
  unpause: {
    missing: 'missing',
    off: 'off',
    running: 'running',
    paused: 'running',
    saved: 'saved',
    transient: 'running',
  },
  save: {
    missing: libvirtError,
    off: libvirtError,
    running: 'saved',
    paused: 'saved',
    saved: 'saved',
    transient: libvirtError,
  },
  injectNmi: {
    missing: 'missing',
    off: 'off',
    running: 'running',
    paused: 'paused',
    saved: 'saved',
    transient: 'running',
  },
  undefine: {
    missing: 'missing',
    off: 'missing',
    running: 'running',
    paused: 'paused',
    saved: 'missing',
    transient: 'running',
  },
}

export function describeDomainsContract(getHost: () => ContractHost): void {
  describe('Domains', () => {
    afterEach(() => getHost().reset())

    describe.each(Object.keys(domainCalls) as CallName[])('%s', (name) => {
      it.each(Object.keys(domainStates) as StateName[])(
        'has its documented outcome, once and repeated, on a domain that is %s',
        async (state) => {
          const host = getHost()
          const guest = await newPreparedGuest(host)
          await domainStates[state](host, guest)
          const before = await host.host.domains.observe(guest)
          const outcome = outcomes[name][state]
          expect(await outcomeOf(host, guest, domainCalls[name])).toBe(outcome)
          const qemu = await host.qemuOf(guest)
          expect(await outcomeOf(host, guest, domainCalls[name]), 'repeated').toBe(outcome)
          expect(await host.qemuOf(guest), 'repeated').toEqual(qemu)
          if (outcome === libvirtError) expect(await host.host.domains.observe(guest)).toEqual(before)
        },
      )
    })

    describeForeignDomains(getHost)
    describeRunningBootId(getHost)
    describeInjectNmi(getHost)
    describeObservedReasons(getHost)
    describeRequestShutdown(getHost)
    describeMissingResources(getHost)
    describeCrashes(getHost)
  })
}
