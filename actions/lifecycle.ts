/** The agent runs create and delete without a request, when a Server is created or deleted. */
import { vmStates } from '../crds/states.ts'
import { defineAction, defineStep, type Step } from './action.ts'
import { define, fetchImage, prepare, startUnlessStopped } from './boot-steps.ts'

const removal: readonly Step<unknown>[] = [
  defineStep({
    name: 'destroy',
    needs: ['domains'],
    do: ({ host, guest, ...ctx }) => host.domains.destroy(guest, ctx),
  }),
  defineStep({
    name: 'undefine',
    needs: ['domains'],
    do: ({ host, guest, ...ctx }) => host.domains.undefine(guest, ctx),
  }),
  defineStep({ name: 'unplug', needs: ['ports'], do: ({ host, guest, ...ctx }) => host.ports.unplug(guest, ctx) }),
  defineStep({
    name: 'delete-disks',
    needs: ['disks'],
    do: ({ host, guest, ...ctx }) => host.disks.delete(guest, ctx),
  }),
]

export const create = defineAction({
  name: 'create',
  description: 'Fetch the image, make disks, config drive and ports, define the domain and start it.',
  policy: 'owner',
  from: ['building'],
  task: () => 'spawning',
  reason: 'Building',
  event: 'compute__do_build_and_run_instance',
  result: { power: 'desired' },
  builds: true,
  steps: [fetchImage, prepare, define, startUnlessStopped],
  undo: removal,
})

export const remove = defineAction({
  name: 'delete',
  description: 'Destroy and undefine the domain; free ports and delete disks.',
  policy: 'owner',
  from: [...vmStates],
  task: () => 'deleting',
  reason: 'Deleting',
  event: 'compute_terminate_instance',
  result: 'gone',
  steps: removal,
})
