/**
 * reboot: SOFT asks the guest to power off and becomes HARD after a time; HARD takes the power away. Both then boot it.
 */
import { type Static, Type } from 'typebox'
import { defineAction, defineStep, type StepInput } from './action.ts'
import { bootSteps } from './boot-steps.ts'
import { powerOffGuest } from './power-off.ts'

/** Nova waits this long for a guest to power off before a soft reboot becomes a hard one (wait_soft_reboot_seconds). */
const SOFT_REBOOT_TIMEOUT_SECONDS = 120

const params = Type.Object({
  type: Type.Enum(['SOFT', 'HARD'], { description: 'SOFT asks the guest to power off first; HARD does not.' }),
})
type Params = Static<typeof params>

const powerOff = defineStep({
  name: 'power-off',
  needs: ['domains'],
  async do({ host: { domains }, guest, params, bootId, elapsedMs, ...ctx }: StepInput<Params, 'domains'>) {
    // After a crash of the agent the domain may already run because of this request: to stop it again would be a second
    // reboot.
    if ((await domains.runningBootId(guest)) === bootId) return
    if (params.type === 'HARD') return domains.destroy(guest, ctx)
    return powerOffGuest({ domains, guest, leftMs: SOFT_REBOOT_TIMEOUT_SECONDS * 1000 - elapsedMs, ...ctx })
  },
})

export const reboot = defineAction({
  name: 'reboot',
  description: 'Restart the server.',
  nova: { key: 'reboot', since: '2.1', status: 202 },
  policy: 'owner',
  request: params,
  from: ['active', 'stopped', 'paused', 'suspended', 'error'],
  objection: ({ type }, state) =>
    type === 'SOFT' && state !== 'active'
      ? 'a SOFT reboot asks the guest, which must be active: ask for HARD'
      : undefined,
  task: (p) => (p.type === 'HARD' ? 'rebooting_hard' : 'rebooting'),
  reason: 'Rebooting',
  event: 'compute_reboot_instance',
  result: { power: 'running' },
  boots: true,
  steps: [powerOff, ...bootSteps],
})
