/**
 * The steps of every boot: make what is missing on the host, define the domain from the Server as it is now, start it.
 */
import { defineStep, type Step } from './action.ts'

/**
 * Makes disks, config drive and ports, which do not depend on one another. If one fails, the step still waits for the
 * others, because the next step may remove what they make.
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
    // A running domain keeps the definition that it runs with, and its boot ID.
    if ((await domains.runningBootId(guest)) === undefined) await domains.define(guest, bootId, ctx)
  },
})

export const start = defineStep({
  name: 'start',
  needs: ['domains'],
  do: ({ host, guest, ...ctx }) => host.domains.start(guest, ctx),
})

/**
 * The last step of an action after which the server has its desired power: a server that should be off is not started.
 */
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
