/** reboot: SOFT asks the guest and falls back to HARD; HARD makes the domain anew from the Server and starts it. */
import { type Static, Type } from 'typebox'
import { action, type StepInput, step } from './action.ts'
import { bootSteps } from './boot-steps.ts'
import { powerOffGuest } from './power-off.ts'

/** Nova waits this long for a guest to power off before a soft reboot becomes a hard one (wait_soft_reboot_seconds). */
const SOFT_REBOOT_TIMEOUT_SECONDS = 120

const params = Type.Object({
  type: Type.Enum(['SOFT', 'HARD'], { description: 'SOFT asks the guest to power off first; HARD does not.' }),
})
type Params = Static<typeof params>

const powerOff = step({
  name: 'power-off',
  needs: ['domains'],
  async do({ host: { domains }, guest, params, bootId, elapsedMs, ...ctx }: StepInput<Params, 'domains'>) {
    // After a crash: the domain may run already because of this very reboot; to stop it again would be to reboot twice.
    if ((await domains.runningBootId(guest)) === bootId) return
    if (params.type === 'HARD') return domains.destroy(guest, ctx)
    return powerOffGuest({ domains, guest, leftMs: SOFT_REBOOT_TIMEOUT_SECONDS * 1000 - elapsedMs, ...ctx })
  },
})

export const reboot = action({
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
