/** SOFT asks the guest to power off, and cuts its power after a timeout. HARD cuts its power at once. */
import { type Static, Type } from 'typebox'
import { defineAction, defineStep, type StepInput } from './action.ts'
import { bootSteps } from './boot-steps.ts'
import { unpauseAndPowerOff } from './power-off.ts'

/** Nova's default of wait_soft_reboot_seconds. */
const SOFT_REBOOT_TIMEOUT_SECONDS = 120

const params = Type.Object({
  type: Type.Enum(['SOFT', 'HARD'], { description: 'SOFT asks the guest to power off first; HARD does not.' }),
})
type Params = Static<typeof params>

/**
 * Refuses the request before the guest's power is cut if the guest could not be booted again, for example because a
 * backup program has moved the guest's disk.
 */
const checkBootable = defineStep({
  name: 'check-definition',
  needs: ['domains'],
  changesNothing: true,
  async do({ host: { domains }, guest, bootId }: StepInput<Params, 'domains'>) {
    const runningBootId = await domains.runningBootId(guest)
    if (runningBootId !== undefined && runningBootId !== bootId) await domains.checkDefinition(guest)
  },
})

const powerOff = defineStep({
  name: 'power-off',
  needs: ['domains'],
  async do({ host: { domains }, guest, params, bootId, elapsedMs, ...ctx }: StepInput<Params, 'domains'>) {
    // If this request booted the domain before the agent restarted, stopping it would be a second reboot.
    if ((await domains.runningBootId(guest)) === bootId) return
    if (params.type === 'HARD') return domains.destroy(guest, ctx)
    return unpauseAndPowerOff({ domains, guest, leftMs: SOFT_REBOOT_TIMEOUT_SECONDS * 1000 - elapsedMs, ...ctx })
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
  steps: [checkBootable, powerOff, ...bootSteps],
})
