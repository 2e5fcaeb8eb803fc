import { afterEach, describe, expect, it } from 'vitest'
import type { ContractHost } from './contract-host.ts'
import { type CallName, calls, outcomeOf, prepared, refused, type StateName, states } from './domain-calls.ts'
import { crashes, failures } from './domain-failures.ts'
import {
  bootIds,
  foreignDomains,
  nonMaskableInterrupts,
  observations,
  shutdownRequests,
} from './domain-observations.ts'

/** What each call leads to from each state, also when it is repeated: the power of the domain, or the error that leaves it as it was. */
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
    missing: refused,
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
    missing: refused,
    off: refused,
    running: 'paused',
    paused: 'paused',
    saved: refused,
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
    missing: refused,
    off: refused,
    running: 'saved',
    paused: 'saved',
    saved: 'saved',
    transient: refused,
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

/** What actions rely on of the capability Domains. */
export function domainsContract(getHost: () => ContractHost): void {
  describe('Domains', () => {
    afterEach(() => getHost().reset())

    describe.each(Object.keys(calls) as CallName[])('%s', (name) => {
      it.each(Object.keys(states) as StateName[])('on a domain that is %s', async (state) => {
        const host = getHost()
        const guest = await prepared(host)
        await states[state](host, guest)
        const before = await host.host.domains.observe(guest)
        const outcome = outcomes[name][state]
        expect(await outcomeOf(host, guest, calls[name])).toBe(outcome)
        const qemu = await host.qemuOf(guest)
        expect(await outcomeOf(host, guest, calls[name]), 'repeated').toBe(outcome)
        expect(await host.qemuOf(guest), 'repeated').toEqual(qemu)
        if (outcome === refused) expect(await host.host.domains.observe(guest)).toEqual(before)
      })
    })

    foreignDomains(getHost)
    bootIds(getHost)
    nonMaskableInterrupts(getHost)
    observations(getHost)
    shutdownRequests(getHost)
    failures(getHost)
    crashes(getHost)
  })
}
