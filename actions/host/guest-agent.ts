import type { Reason } from '../../crds/reasons.ts'
import type { Guest, MethodKinds, StepContext } from './guest.ts'

export interface SealedPassword {
  user: string
  sealed: string
  requestId: string
}

export interface PasswordRefusal {
  reason: Reason
  message: string
}

export interface GuestAgent {
  /**
   * A repeated call sets the same password again.
   * @returns why the password was not set; undefined if it was set. No returned message and no error contains the
   * password
   */
  setPassword(guest: Guest, password: SealedPassword, ctx: StepContext): Promise<PasswordRefusal | undefined>
}

export const guestAgentMethods: MethodKinds<GuestAgent> = { setPassword: 'effect' }
