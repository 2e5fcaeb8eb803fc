/** The common steps of all actions that boot a guest. The boot ID names the request that a boot belongs to. */
import { defineStep, type Step } from './action.ts'

/**
 * Makes the disks, the config drive and the ports at the same time. If one of these calls fails, the step still waits
 * for the other two. Otherwise the cleanup could run while something is still being made.
 */
export const prepare = defineStep({
  name: 'prepare',
  needs: ['disks', 'configDrives', 'ports'],
  async do({ host: { disks, configDrives, ports }, guest, ...ctx }) {
    const calls = [disks.create(guest, ctx), configDrives.write(guest, ctx), ports.plug(guest, ctx)] as const
    const outcomes = await Promise.allSettled(calls)
    for (const outcome of outcomes) if (outcome.status === 'rejected') throw outcome.reason
    return calls[0]
  },
})

export const define = defineStep({
  name: 'define',
  needs: ['domains'],
  async do({ host: { domains }, guest, bootId, ...ctx }) {
    // A running domain would use a new definition and a new boot ID only at its next boot, so only a domain that is off
    // gets them.
    if ((await domains.runningBootId(guest)) === undefined) await domains.define(guest, bootId, ctx)
  },
})

export const start = defineStep({
  name: 'start',
  needs: ['domains'],
  do: ({ host, guest, ...ctx }) => host.domains.start(guest, ctx),
})

/** For actions after which the server must have the power that spec.powerState names. */
export const startUnlessStopped = defineStep({
  name: start.name,
  needs: start.needs,
  async do(input) {
    if (input.guest.server.spec.powerState !== 'Stopped') return start.do(input)
  },
})

export const fetchImage = defineStep({
  name: 'fetch-image',
  needs: ['images'],
  do: ({ host, guest, ...ctx }) => host.images.fetch(guest, ctx),
})

export const bootSteps: readonly Step<unknown>[] = [fetchImage, prepare, define, start]
