/** The steps that every boot shares: what the guest stands on is made whole, the domain is made anew from the Server, and started. */
import type { Step } from './action.ts'

/** Disks, config drive and ports do not depend on one another. */
export const prepare: Step<unknown> = {
  name: 'prepare',
  async do({ host, guest, ...ctx }) {
    await Promise.all([host.createDisks(guest, ctx), host.writeConfigDrive(guest, ctx), host.plugPorts(guest, ctx)])
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
