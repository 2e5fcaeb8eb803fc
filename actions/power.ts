import { Type } from 'typebox'
import { defineAction, defineStep } from './action.ts'
import { bootSteps } from './boot-steps.ts'
import { unpauseAndPowerOff } from './power-off.ts'
import { wakeGuest } from './wake.ts'

const stopGuest = defineStep({
  name: 'shutdown',
  needs: ['domains'],
  do: ({ host: { domains }, guest, shutdownTimeout, elapsedMs, ...ctx }) =>
    unpauseAndPowerOff({ domains, guest, leftMs: shutdownTimeout * 1000 - elapsedMs, ...ctx }),
})

/** Does nothing to a running guest. */
const unpauseGuest = defineStep({
  name: 'unpause',
  needs: ['domains'],
  do: ({ host: { domains }, guest, elapsedMs, ...ctx }) => wakeGuest({ domains, guest, elapsedMs, ...ctx }),
})

export const start = defineAction({
  name: 'start',
  description:
    'Power on from the Server as it is now, as a hard reboot does. Wakes a guest that sleeps. A request for it in vm_state error retries the operation that failed, whatever power is desired.',
  nova: { key: 'os-start', since: '2.1', status: 202 },
  policy: 'owner',
  request: Type.Object({}),
  desiredPower: 'Running',
  from: ['stopped', 'error'],
  task: () => 'powering-on',
  retries: true,
  wakes: true,
  event: 'compute_start_instance',
  result: { power: 'running' },
  boots: true,
  interruptible: true,
  // A server in vmState error may have a guest that sleeps or is paused. `start` does nothing to such a guest, so
  // `unpauseGuest` follows.
  steps: [...bootSteps, unpauseGuest],
})

export const stop = defineAction({
  name: 'stop',
  description: 'Power off: the guest is asked first, then the power is taken away.',
  nova: { key: 'os-stop', since: '2.1', status: 202 },
  policy: 'owner',
  desiredPower: 'Stopped',
  from: ['active', 'error', 'paused', 'suspended'],
  task: () => 'powering-off',
  event: 'compute_stop_instance',
  result: { power: 'off' },
  steps: [stopGuest],
})

export const pause = defineAction({
  name: 'pause',
  description: 'Stop the virtual CPUs; the memory stays.',
  nova: { key: 'pause', since: '2.1', status: 202 },
  policy: 'owner',
  desiredPower: 'Paused',
  from: ['active'],
  task: () => 'pausing',
  event: 'compute_pause_instance',
  result: { power: 'paused' },
  interruptible: true,
  steps: [
    defineStep({ name: 'pause', needs: ['domains'], do: ({ host, guest, ...ctx }) => host.domains.pause(guest, ctx) }),
  ],
})

export const unpause = defineAction({
  name: 'unpause',
  description: 'Let the virtual CPUs go on, or wake a guest that sleeps.',
  nova: { key: 'unpause', since: '2.1', status: 202 },
  policy: 'owner',
  desiredPower: 'Running',
  from: ['paused'],
  task: () => 'unpausing',
  event: 'compute_unpause_instance',
  result: { power: 'running' },
  interruptible: true,
  steps: [unpauseGuest],
})

export const suspend = defineAction({
  name: 'suspend',
  description: 'Save the memory to disk and turn the domain off.',
  nova: { key: 'suspend', since: '2.1', status: 202 },
  policy: 'owner',
  desiredPower: 'Suspended',
  from: ['active'],
  task: () => 'suspending',
  event: 'compute_suspend_instance',
  result: { power: 'saved' },
  steps: [
    defineStep({ name: 'save', needs: ['domains'], do: ({ host, guest, ...ctx }) => host.domains.save(guest, ctx) }),
  ],
})

export const resume = defineAction({
  name: 'resume',
  description: 'Restore the saved memory and go on from it.',
  nova: { key: 'resume', since: '2.1', status: 202 },
  policy: 'owner',
  desiredPower: 'Running',
  from: ['suspended'],
  task: () => 'resuming',
  event: 'compute_resume_instance',
  result: { power: 'running' },
  interruptible: true,
  steps: [
    defineStep({ name: 'plug', needs: ['ports'], do: ({ host, guest, ...ctx }) => host.ports.plug(guest, ctx) }),
    defineStep({
      name: 'restore',
      needs: ['domains'],
      do: ({ host, guest, ...ctx }) => host.domains.start(guest, ctx),
    }),
  ],
})
