import type { Reason } from '../../crds/reasons.ts'
import type { Guest, MethodKinds, StepContext } from './guest.ts'

/** A password for a user of the guest, as the controller sealed it for this host, this Server and this request. */
export interface SealedPassword {
  user: string
  /** See actions/sealed-secret.ts. */
  sealed: string
  /** uid of the ServerAction that it was sealed for. */
  requestId: string
}

/** Why a password was not set. */
export interface PasswordRefusal {
  reason: Reason
  message: string
}

/** The QEMU guest agent, a program in the guest that does what the host asks. */
export interface GuestAgent {
  /**
   * Opens the sealed password and has the guest agent set it. A repeated call sets the same password again.
   * @returns why it was not set, and nothing if it was. No message and no error has the password in it.
   */
  setPassword(guest: Guest, password: SealedPassword, ctx: StepContext): Promise<PasswordRefusal | undefined>
}

export const guestAgentMethods: MethodKinds<GuestAgent> = { setPassword: 'effect' }
