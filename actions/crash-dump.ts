/**
 * The action trigger_crash_dump sends a non-maskable interrupt (NMI). A guest whose kernel is set up for that then
 * writes a crash dump.
 */
import { Type } from 'typebox'
import type { Reason } from '../crds/reasons.ts'
import { defineAction, defineStep } from './action.ts'
import type { NmiResult } from './host/index.ts'

const refusals: Record<Exclude<NmiResult, 'sent'>, { reason: Reason; message: string }> = {
  notRunning: {
    reason: 'GuestNotRunning',
    message: 'the guest does not run: start it, then request a crash dump again',
  },
  unknown: {
    reason: 'OutcomeUnknown',
    message:
      'the agent was interrupted while it sent the NMI, which the guest may have got: look at the guest, then request a crash dump again if it has written none',
  },
}

const injectNmi = defineStep({
  name: 'inject-nmi',
  needs: ['domains'],
  async do({ host, guest, bootId: requestId, ...ctx }) {
    const result = await host.domains.injectNmi(guest, requestId, ctx)
    return result === 'sent' ? undefined : { refused: refusals[result] }
  },
})

export const triggerCrashDump = defineAction({
  name: 'trigger_crash_dump',
  description:
    'Send a non-maskable interrupt to the guest, at most once for each request. Its kernel writes a crash dump if it is set up for that.',
  nova: { key: 'trigger_crash_dump', since: '2.17', status: 202 },
  policy: 'owner',
  request: Type.Object({}),
  from: ['active', 'paused', 'rescued', 'resized', 'error'],
  event: 'compute_trigger_crash_dump',
  result: { power: 'unchanged' },
  // libvirtd takes 30 s before it answers that it is busy, so ten tries take at least five minutes.
  triesWhileBusy: 10,
  steps: [injectNmi],
})
