/** Implements the host capability GuestAgent with libvirt. */
import type { KeyObject } from 'node:crypto'
import type { GuestAgent, PasswordRefusal } from '../../actions/host/index.ts'
import { openSealedSecret } from '../../actions/sealed-secret.ts'
import type { Reason } from '../../crds/index.ts'
import {
  type CallFunction,
  type DomainRef,
  isLibvirtError,
  type LibvirtError,
  type LibvirtErrorCode,
  proc,
} from '../libvirt/index.ts'
import type { DomainClient } from './domain-client.ts'
import type { WithDomain } from './owned-domain.ts'
import { uidOf } from './paths.ts'

export interface GuestAgentOptions {
  client: DomainClient
  /** The host's private key, with which passwords from the controller are decrypted. */
  sealingKey(): Promise<KeyObject>
}

const secretInvalid: PasswordRefusal = {
  reason: 'SealedSecretInvalid',
  message: 'the password was sealed for another key, server or request than this one: request it again',
}
const guestNotRunning: PasswordRefusal = {
  reason: 'GuestNotRunning',
  message: 'the guest does not run: start it, then request it again',
}

export function newGuestAgent({ client, sealingKey }: GuestAgentOptions): GuestAgent {
  return {
    async setPassword(guest, { user, sealed, requestId }) {
      const uid = uidOf(guest)
      const password = await openSealedSecret(sealed, await sealingKey(), { server: uid, request: requestId })
      return password === undefined ? secretInvalid : client.of(uid).setPassword(guest.instance.uuid, user, password)
    },
  }
}

/** Returns undefined if the password was set, otherwise the reason why not. */
export type SetPassword = (uuid: string, user: string, password: string) => Promise<PasswordRefusal | undefined>

/** Without VIR_DOMAIN_PASSWORD_ENCRYPTED, libvirt takes the password in plain text, and the guest hashes it. */
const PLAIN_PASSWORD = 0

export const newPasswordSetter =
  (call: CallFunction, withDomain: WithDomain): SetPassword =>
  async (uuid, user, password) => {
    const setIn = async (dom: DomainRef): Promise<PasswordRefusal | 'set'> => {
      try {
        await call(proc.domainSetUserPassword, { dom, user, password, flags: PLAIN_PASSWORD })
        return 'set'
      } catch (error) {
        // VIR_ERR_OPERATION_TIMEOUT means that libvirt is still busy with the domain. `withDomain` makes it Transient,
        // so the step is retried.
        if (!isLibvirtError(error) || error.code === 'VIR_ERR_OPERATION_TIMEOUT') throw error
        const { active } = await call(proc.domainIsActive, { dom })
        return active ? passwordRefusalOf(error, password) : guestNotRunning
      }
    }
    const result = (await withDomain('set a password', uuid, setIn)) ?? guestNotRunning
    return result === 'set' ? undefined : result
  }

/** The domain has no channel to a guest agent, or the guest agent does not answer. */
const unavailableCodes: readonly LibvirtErrorCode[] = [
  'VIR_ERR_ARGUMENT_UNSUPPORTED',
  'VIR_ERR_AGENT_UNRESPONSIVE',
  'VIR_ERR_AGENT_UNSYNCED',
]

function passwordRefusalOf({ code, message }: LibvirtError, password: string): PasswordRefusal {
  const reason: Reason = unavailableCodes.includes(code) ? 'GuestAgentUnavailable' : 'GuestAgentError'
  const help =
    reason === 'GuestAgentUnavailable'
      ? 'set the image property hw_qemu_guest_agent, boot the server anew, and see that qemu-guest-agent runs in the guest'
      : 'the guest agent could not set the password: see that the user exists in the guest'
  const secrets = [password, Buffer.from(password).toString('base64')]
  const isSafe = !secrets.some((secret) => message.includes(secret))
  return { reason, message: isSafe ? `${help} (libvirt: ${message})` : help }
}
