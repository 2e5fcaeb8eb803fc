import type { Reason } from '../../crds/reasons.ts'
import type { Guest, MethodKinds, StepContext } from './guest.ts'

/** A password for a user of the guest, encrypted by the controller for this host, this Server and this request. */
export interface SealedPassword {
  user: string
  /** The encrypted password, as actions/sealed-secret.ts makes it. */
  sealed: string
  /** The uid of the ServerAction that the password was encrypted for. */
  requestId: string
}

export interface PasswordRefusal {
  reason: Reason
  message: string
}

/** The QEMU guest agent, a program in the guest that does what the host asks. */
export interface GuestAgent {
  /**
   * Decrypts the password and asks the guest agent to set it. A repeated call sets the same password again.
   * @returns why the password was not set; undefined if it was set. No returned message and no error contains the
   * password
   */
  setPassword(guest: Guest, password: SealedPassword, ctx: StepContext): Promise<PasswordRefusal | undefined>
}

export const guestAgentMethods: MethodKinds<GuestAgent> = { setPassword: 'effect' }
