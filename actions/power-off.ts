/** Powers a guest off as Nova does: asks it, and takes the power away when its time is over. */
import { type DomainPower, isKubenovaError } from '../crds/index.ts'
import type { Domains, Guest, Progress, StepContext } from './host/index.ts'

/** How often a guest that was asked to power off is observed, should libvirt's event get lost. */
const CHECK_MS = 5000

interface PowerOff extends StepContext {
  domains: Domains
  guest: Guest
  /** Milliseconds that are left of the time that the guest has to power off. */
  leftMs: number
}

/** Asks the guest once more, or takes the power away if no time is left. Done when the domain is off. */
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

const offPowers = new Set<DomainPower>(['off', 'missing', 'crashed'])

export function ignoreBusy(error: unknown): void {
  if (!isKubenovaError(error) || error.code !== 'LibvirtBusy') throw error
}
