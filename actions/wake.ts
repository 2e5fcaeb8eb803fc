/** Resumes a paused guest, and wakes a guest that has suspended itself to RAM. */
import type { StepResult } from './action.ts'
import type { Domains, Guest, StepContext } from './host/index.ts'

/** Milliseconds between two observations of a guest that wakes up, in case a libvirt event gets lost. */
export const WAKE_CHECK_MS = 1000
/**
 * Milliseconds after which a guest that still sleeps counts as not woken. QEMU itself needs only some milliseconds to
 * wake it.
 */
const WAKE_TIMEOUT_MS = 30_000

interface Wake extends StepContext {
  domains: Domains
  guest: Guest
  /** Milliseconds since the guest was first told to wake up. */
  elapsedMs: number
}

/**
 * Tells the guest to go on. The result is `done` once the guest is awake, or a Refusal if it still sleeps after the
 * timeout.
 */
export async function wakeGuest({ domains, guest, elapsedMs, ...ctx }: Wake): Promise<StepResult> {
  await domains.unpause(guest, ctx)
  if ((await domains.observe(guest)).power !== 'pmsuspended') return { done: true }
  if (elapsedMs < WAKE_TIMEOUT_MS) return { done: false, checkAfterMs: WAKE_CHECK_MS }
  const seconds = WAKE_TIMEOUT_MS / 1000
  const message = `the guest was told to wake up and still sleeps after ${seconds} s; its memory is kept; wake it again, or boot it anew with a ServerAction with action: reboot and type: HARD, which loses its memory`
  return { refused: { reason: 'GuestSleeps', message } }
}
