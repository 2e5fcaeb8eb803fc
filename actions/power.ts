/** The actions behind spec.powerState: start, stop, pause, unpause, suspend, resume. */
import { Type } from 'typebox'
import { action, step } from './action.ts'
import { bootSteps } from './boot-steps.ts'
import { ignoreBusy, powerOffGuest } from './power-off.ts'

/** Gives the guest its time to power off, then takes the power away, as Nova's stop does. */
const stopGuest = step({
  name: 'shutdown',
  needs: ['domains'],
  async do({ host: { domains }, guest, shutdownTimeout, elapsedMs, ...ctx }) {
    // A paused guest cannot react to ACPI, so unpause first. If QEMU hangs (LibvirtBusy), go on: its power is taken away in the end.
    await domains.unpause(guest, ctx).catch(ignoreBusy)
    return powerOffGuest({ domains, guest, leftMs: shutdownTimeout * 1000 - elapsedMs, ...ctx })
  },
})

/** The virtual CPUs go on; nothing happens to a guest that runs. */
const goOn = step({
  name: 'unpause',
  needs: ['domains'],
  do: ({ host, guest, ...ctx }) => host.domains.unpause(guest, ctx),
})

export const start = action({
  name: 'start',
  description:
    'Power on, as a hard reboot does, from the Server as it is now. As a deed: also to try again after a fault, whatever the power that is wished.',
  nova: { key: 'os-start', since: '2.1', status: 202 },
  policy: 'owner',
  request: Type.Object({}),
  desiredPower: 'Running',
  from: ['stopped', 'error'],
  task: () => 'powering-on',
  retries: true,
  event: 'compute_start_instance',
  result: { power: 'running' },
  boots: true,
  interruptible: true,
  // A server in error may be paused: to start it is to make it run.
  steps: [...bootSteps, goOn],
})

export const stop = action({
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

export const pause = action({
  name: 'pause',
  description: 'The virtual CPUs stand still; memory stays where it is.',
  nova: { key: 'pause', since: '2.1', status: 202 },
  policy: 'owner',
  desiredPower: 'Paused',
  from: ['active'],
  task: () => 'pausing',
  event: 'compute_pause_instance',
  result: { power: 'paused' },
  interruptible: true,
  steps: [step({ name: 'pause', needs: ['domains'], do: ({ host, guest, ...ctx }) => host.domains.pause(guest, ctx) })],
})

export const unpause = action({
  name: 'unpause',
  description: 'The virtual CPUs go on.',
  nova: { key: 'unpause', since: '2.1', status: 202 },
  policy: 'owner',
  desiredPower: 'Running',
  from: ['paused'],
  task: () => 'unpausing',
  event: 'compute_unpause_instance',
  result: { power: 'running' },
  interruptible: true,
  steps: [goOn],
})

export const suspend = action({
  name: 'suspend',
  description: 'Memory is saved to disk and the domain is off.',
  nova: { key: 'suspend', since: '2.1', status: 202 },
  policy: 'owner',
  desiredPower: 'Suspended',
  from: ['active'],
  task: () => 'suspending',
  event: 'compute_suspend_instance',
  result: { power: 'saved' },
  steps: [step({ name: 'save', needs: ['domains'], do: ({ host, guest, ...ctx }) => host.domains.save(guest, ctx) })],
})

export const resume = action({
  name: 'resume',
  description: 'The domain goes on from the memory saved.',
  nova: { key: 'resume', since: '2.1', status: 202 },
  policy: 'owner',
  desiredPower: 'Running',
  from: ['suspended'],
  task: () => 'resuming',
  event: 'compute_resume_instance',
  result: { power: 'running' },
  interruptible: true,
  steps: [
    step({ name: 'plug', needs: ['ports'], do: ({ host, guest, ...ctx }) => host.ports.plug(guest, ctx) }),
    step({ name: 'restore', needs: ['domains'], do: ({ host, guest, ...ctx }) => host.domains.start(guest, ctx) }),
  ],
})
