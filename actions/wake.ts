import type { StepResult } from './action.ts'
import type { Domains, Guest, StepContext } from './host/index.ts'

/** Milliseconds between two checks, in case a libvirt event gets lost. */
export const WAKE_CHECK_MS = 1000
/** Milliseconds after which the wake-up counts as failed. QEMU itself needs only some milliseconds to wake a guest. */
const WAKE_TIMEOUT_MS = 30_000

interface Wake extends StepContext {
  domains: Domains
  guest: Guest
  elapsedMs: number
}

/** The result is `done` once the guest is awake, or a Refusal if it still sleeps after the timeout. */
export async function wakeGuest({ domains, guest, elapsedMs, ...ctx }: Wake): Promise<StepResult> {
  await domains.unpause(guest, ctx)
  if ((await domains.observe(guest)).power !== 'pmsuspended') return { done: true }
  if (elapsedMs < WAKE_TIMEOUT_MS) return { done: false, checkAfterMs: WAKE_CHECK_MS }
  const seconds = WAKE_TIMEOUT_MS / 1000
  const message = `the guest was told to wake up and still sleeps after ${seconds} s; its memory is kept; wake it again, or boot it anew with a ServerAction with action: reboot and type: HARD, which loses its memory`
  return { refused: { reason: 'GuestSleeps', message } }
}
