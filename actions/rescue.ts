/**
 * The action rescue boots a server from a disk made from a rescue image, with the server's own disks attached. The
 * action unrescue boots the server from its own disk again.
 */
import { type Static, Type } from 'typebox'
import { isKubenovaError } from '../crds/errors.ts'
import { ImageReference } from '../crds/kinds/image.ts'
import type { Instance } from '../crds/kinds/server-status.ts'
import { defineAction, defineStep, type StepInput } from './action.ts'
import { define, prepare, start, startUnlessStopped } from './boot-steps.ts'
import { powerOffUnlessBooted } from './power-off.ts'

const params = Type.Object({
  image: Type.Optional(
    ImageReference({
      description: 'The image of the rescue system; default: the image that the server was made from.',
    }),
  ),
})
type Params = Static<typeof params>

/** The controller has added `resolvedImage` if the request names an Image. */
type AdmittedParams = Params & { resolvedImage?: Instance['image'] }

/** Makes the rescue disk while the guest still runs, then checks that this host can run the rescue system. */
const prepareRescueDisk = defineStep({
  name: 'prepare-rescue-disk',
  needs: ['rescueDisks', 'domains'],
  changesNothing: true,
  async do(input: StepInput<AdmittedParams, 'rescueDisks' | 'domains'>) {
    const { host, guest, params, bootId: requestId, ...ctx } = input
    const image = params.resolvedImage ?? guest.instance.image
    const progress = await host.rescueDisks.create(guest, { image, requestId }, ctx)
    if (progress.done) await host.domains.checkDefinition(guest)
    return progress
  },
})

const powerOff = defineStep({
  name: 'power-off',
  needs: ['domains'],
  do: ({ host, shutdownTimeout, elapsedMs, ...input }: StepInput<unknown, 'domains'>) =>
    powerOffUnlessBooted({ ...input, domains: host.domains, leftMs: shutdownTimeout * 1000 - elapsedMs }),
})

const deleteRescueDisk = defineStep({
  name: 'delete-rescue-disk',
  needs: ['rescueDisks'],
  cleansUp: true,
  do: ({ host, guest, ...ctx }) => host.rescueDisks.delete(guest, ctx),
})

/**
 * Stops the domain if it runs the rescue system: libvirtd may have started the domain although libvirtd reported that
 * the start failed.
 */
const stopRescueSystem = defineStep({
  name: 'stop-rescue-system',
  needs: ['domains'],
  async do({ host: { domains }, guest, bootId, ...ctx }) {
    if ((await domains.runningBootId(guest)) === bootId) await domains.destroy(guest, ctx)
  },
})

/**
 * If this host cannot boot the server's own disk, the server stays off. This boot gets another ID than the rescue, so
 * that `stopRescueSystem` does not stop it when the undo steps are repeated.
 */
const bootOwnDisk = defineStep({
  name: 'boot-own-disk',
  needs: ['domains'],
  async do({ bootId, ...input }) {
    const ownBoot = { ...input, bootId: `${bootId}:own-disk` }
    try {
      await define.do(ownBoot)
      await startUnlessStopped.do(ownBoot)
    } catch (error) {
      if (!isKubenovaError(error) || error.kind !== 'Terminal') throw error
    }
  },
})

export const rescue = defineAction({
  name: 'rescue',
  description:
    'Boot the server from a rescue image, with its own root disk as the second disk, so that it can be repaired.',
  nova: { key: 'rescue', since: '2.1', status: 200 },
  policy: 'owner',
  request: params,
  namedImage: ({ image }) => image,
  from: ['active', 'stopped', 'error'],
  inMode: 'normal',
  task: () => 'rescuing',
  reason: 'Rescuing',
  event: 'compute_rescue_instance',
  result: { mode: 'rescued', power: 'running' },
  steps: [prepareRescueDisk, powerOff, prepare, define, start],
  undo: [stopRescueSystem, deleteRescueDisk, bootOwnDisk],
})

export const unrescue = defineAction({
  name: 'unrescue',
  description:
    'End a rescue: boot the server from its own disk again, unless spec.powerState is Stopped, and delete the rescue disk.',
  nova: { key: 'unrescue', since: '2.1', status: 202 },
  policy: 'owner',
  request: Type.Object({}),
  // The vmState is `error` after a failed unrescue, which the user may then request again.
  from: ['rescued', 'error'],
  inMode: 'rescued',
  task: () => 'unrescuing',
  reason: 'Unrescuing',
  event: 'compute_unrescue_instance',
  result: { mode: 'normal', power: 'desired' },
  steps: [powerOff, prepare, define, startUnlessStopped, deleteRescueDisk],
})
