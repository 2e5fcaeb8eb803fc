/**
 * The common steps of all actions that boot a guest: fetch the image, make what is missing on the host, define the
 * domain from the current Server, start the domain. Each boot has a boot ID, which names the request that the boot
 * belongs to.
 */
import { defineStep, type Step } from './action.ts'

/**
 * Makes the disks, the config drive and the ports in parallel. If one of the three fails, the step still waits for the
 * other two. Otherwise the steps that clean up after the failure could run while something is still being made.
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
    // A running domain keeps its definition and its boot ID until its next boot, so define only a domain that does not
    // run.
    if ((await domains.runningBootId(guest)) === undefined) await domains.define(guest, bootId, ctx)
  },
})

export const start = defineStep({
  name: 'start',
  needs: ['domains'],
  do: ({ host, guest, ...ctx }) => host.domains.start(guest, ctx),
})

/**
 * Starts the guest unless spec.powerState is Stopped. An action uses it instead of `start` if the server must end in
 * the power that spec.powerState names.
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
