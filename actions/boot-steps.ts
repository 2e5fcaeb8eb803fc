/** The steps that every boot shares: what the guest stands on is made whole, the domain is made anew from the Server, and started. */
import type { Step } from './action.ts'

/**
 * Disks, config drive and ports do not depend on one another. Where one fails the others are waited for: what comes next may be to take
 * away what they make.
 */
export const prepare: Step<unknown> = {
  name: 'prepare',
  async do({ host, guest, ...ctx }) {
    const all = [host.createDisks(guest, ctx), host.writeConfigDrive(guest, ctx), host.plugPorts(guest, ctx)]
    for (const made of await Promise.allSettled(all)) if (made.status === 'rejected') throw made.reason
  },
}

export const define: Step<unknown> = {
  name: 'define',
  async do({ host, guest, mark, ...ctx }) {
    // A running domain keeps the definition that it runs with, and its mark.
    if ((await host.bootedBy(guest)) === undefined) await host.define(guest, mark, ctx)
  },
}

export const start: Step<unknown> = { name: 'start', do: ({ host, guest, ...ctx }) => host.start(guest, ctx) }

export const fetchImage: Step<unknown> = {
  name: 'fetch-image',
  do: ({ host, guest, ...ctx }) => host.fetchImage(guest, ctx),
}

export const bootSteps: readonly Step<unknown>[] = [fetchImage, prepare, define, start]
