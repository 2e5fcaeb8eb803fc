/**
 * Powers a guest off as Nova does: asks the guest to power off, and cuts its power if it still runs after the timeout.
 */
import { type DomainPower, isKubenovaError } from '../crds/index.ts'
import type { Domains, Guest, Progress, StepContext } from './host/index.ts'
import { WAKE_CHECK_MS } from './wake.ts'

/**
 * Milliseconds between two observations of a domain whose guest was asked to power off. Usually a libvirt event tells
 * that the domain is off; the observations help if that event gets lost.
 */
const CHECK_MS = 5000

interface PowerOff extends StepContext {
  domains: Domains
  guest: Guest
  /** Milliseconds after which the agent cuts the power of a guest that still runs. */
  leftMs: number
}

/** Asks the guest to power off, or cuts its power if no time is left. The result is `done` once the domain is off. */
export async function powerOffGuest({ domains, guest, leftMs, ...ctx }: PowerOff): Promise<Progress> {
  const isOff = async (): Promise<boolean> => offPowers.has((await domains.observe(guest)).power)
  if (await isOff()) return { done: true }
  if (leftMs <= 0) {
    await domains.destroy(guest, ctx)
    return { done: true }
  }
  await domains.requestShutdown(guest, ctx)
  if (await isOff()) return { done: true }
  return { done: false, checkAfterMs: Math.min(leftMs, CHECK_MS) }
}

/**
 * Powers the guest off before another boot. Does nothing if the domain already runs with this boot ID: an earlier
 * process of the agent has then booted it for this action, and the guest must not boot twice.
 */
export async function powerOffUnlessBooted({ bootId, ...input }: PowerOff & { bootId: string }): Promise<Progress> {
  if ((await input.domains.runningBootId(input.guest)) === bootId) return { done: true }
  return unpauseAndPowerOff(input)
}

/**
 * Powers the guest off. A guest that is paused or sleeps cannot react to ACPI, so it is unpaused or woken first. If
 * QEMU hangs, `unpause` throws LibvirtBusy. This error is ignored, because `powerOffGuest` cuts the power when no time
 * is left.
 */
export async function unpauseAndPowerOff(input: PowerOff): Promise<Progress> {
  const { domains, guest, leftMs, ...ctx } = input
  const { power } = await domains.observe(guest)
  if (power === 'paused' || power === 'pmsuspended') await domains.unpause(guest, ctx).catch(ignoreBusy)
  // The request to power off is sent only once in ten seconds, and a guest that still sleeps would miss it. So first
  // wait until the guest is awake.
  if (power === 'pmsuspended' && leftMs > 0 && (await domains.observe(guest)).power === 'pmsuspended')
    return { done: false, checkAfterMs: Math.min(leftMs, WAKE_CHECK_MS) }
  return powerOffGuest(input)
}

const offPowers = new Set<DomainPower>(['off', 'missing', 'crashed'])

function ignoreBusy(error: unknown): void {
  if (!isKubenovaError(error) || error.code !== 'LibvirtBusy') throw error
}
