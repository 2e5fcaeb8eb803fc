import { type DomainPower, isKubenovaError } from '../crds/index.ts'
import type { Domains, Guest, Progress, StepContext } from './host/index.ts'
import { WAKE_CHECK_MS } from './wake.ts'

/**
 * Milliseconds between two checks whether the domain is off. Usually a libvirt event tells the agent earlier; the
 * checks help if that event gets lost.
 */
const CHECK_MS = 5000

interface PowerOff extends StepContext {
  domains: Domains
  guest: Guest
  leftMs: number
}

/** The result is `done` once the domain is off. */
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
 * Powers the guest off, unless the domain already runs with this boot ID. Then the agent booted the domain for this
 * action before a restart of the agent, and a second power-off would make the guest boot twice.
 */
export async function powerOffUnlessBooted({ bootId, ...input }: PowerOff & { bootId: string }): Promise<Progress> {
  if ((await input.domains.runningBootId(input.guest)) === bootId) return { done: true }
  return unpauseAndPowerOff(input)
}

/**
 * A guest that is paused or sleeps cannot react to ACPI, so it is unpaused or woken first. The error LibvirtBusy of a
 * hanging QEMU is ignored, because `powerOffGuest` cuts the power when no time is left.
 */
export async function unpauseAndPowerOff(input: PowerOff): Promise<Progress> {
  const { domains, guest, leftMs, ...ctx } = input
  const { power } = await domains.observe(guest)
  if (power === 'paused' || power === 'pmsuspended') await domains.unpause(guest, ctx).catch(ignoreBusy)
  // A guest that still sleeps would miss the request to power off, which is sent only once in ten seconds.
  if (power === 'pmsuspended' && leftMs > 0 && (await domains.observe(guest)).power === 'pmsuspended')
    return { done: false, checkAfterMs: Math.min(leftMs, WAKE_CHECK_MS) }
  return powerOffGuest(input)
}

const offPowers = new Set<DomainPower>(['off', 'missing', 'crashed'])

function ignoreBusy(error: unknown): void {
  if (!isKubenovaError(error) || error.code !== 'LibvirtBusy') throw error
}
