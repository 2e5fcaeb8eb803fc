/** The steps that every boot shares: what the guest stands on is made whole, the domain is made anew from the Server, and started. */
import { type Step, step } from './action.ts'

/**
 * Disks, config drive and ports do not depend on one another. If one fails, the step still waits for the others, because the next step may
 * remove what they make.
 */
export const prepare = step({
  name: 'prepare',
  needs: ['disks', 'configDrives', 'ports'],
  async do({ host: { disks, configDrives, ports }, guest, ...ctx }) {
    const calls = [disks.create(guest, ctx), configDrives.write(guest, ctx), ports.plug(guest, ctx)] as const
    const outcomes = await Promise.allSettled(calls)
    for (const outcome of outcomes) if (outcome.status === 'rejected') throw outcome.reason
    return calls[0]
  },
})

export const define = step({
  name: 'define',
  needs: ['domains'],
  async do({ host: { domains }, guest, bootId, ...ctx }) {
    // A running domain keeps the definition that it runs with, and its boot ID.
    if ((await domains.runningBootId(guest)) === undefined) await domains.define(guest, bootId, ctx)
  },
})

export const start = step({
  name: 'start',
  needs: ['domains'],
  do: ({ host, guest, ...ctx }) => host.domains.start(guest, ctx),
})

/** For an action after which the server is as desired: one that should be off is made whole, and stays off. */
export const startUnlessStopped = step({
  name: start.name,
  needs: start.needs,
  async do(input) {
    if (input.guest.server.spec.powerState !== 'Stopped') return start.do(input)
  },
})

export const fetchImage = step({
  name: 'fetch-image',
  needs: ['images'],
  do: ({ host, guest, ...ctx }) => host.images.fetch(guest, ctx),
})

export const bootSteps: readonly Step<unknown>[] = [fetchImage, prepare, define, start]
