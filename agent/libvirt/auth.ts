// Authenticates the client before the call ConnectOpen. The daemon chooses the method: none, polkit (the daemon asks
// polkit itself), or SASL with PLAIN or SCRAM-SHA-256.

import type { CallFunction } from './connection-options.ts'
import { ConnectionError } from './errors.ts'
import { proc } from './protocol/proc.ts'
import { scramSha256 } from './scram.ts'

export interface Credentials {
  username: string
  password: string
}

const authType = { none: 0, sasl: 1, polkit: 2 } as const

/**
 * The client's side of a SASL mechanism. Yields the client's messages, gets the daemon's through `next`, and returns
 * when the client has nothing more to send.
 */
export type SaslExchange = Generator<Buffer, void, Buffer>

const mechanisms: Record<string, (credentials: Credentials) => SaslExchange> = {
  'SCRAM-SHA-256': scramSha256,
  PLAIN: plainMechanism,
}

/**
 * Throws a ConnectionError with the code `auth` if the client lacks the method or the credentials, or if the daemon
 * denies access.
 */
export async function authenticateClient(call: CallFunction, credentials: Credentials | undefined): Promise<void> {
  const { types } = await call(proc.authList, {})
  if (types.length === 0 || types.includes(authType.none)) return
  if (types.includes(authType.sasl)) return authenticateSasl(call, credentials)
  if (!types.includes(authType.polkit))
    throw new ConnectionError(
      'auth',
      `the daemon asks for authentication of type ${types.join(', ')}, which this client does not have`,
    )
  const { complete } = await call(proc.authPolkit, {})
  if (!complete) throw new ConnectionError('auth', 'polkit denied access')
}

async function authenticateSasl(call: CallFunction, credentials: Credentials | undefined): Promise<void> {
  const offered = (await call(proc.authSaslInit, {})).mechanisms.split(/[,\s]+/).filter(Boolean)
  if (!credentials)
    throw new ConnectionError('auth', `the daemon asks for a user and password (SASL ${offered.join(', ')})`)
  const [name, mechanism] = Object.entries(mechanisms).find(([known]) => offered.includes(known)) ?? []
  if (!name || !mechanism) {
    const known = Object.keys(mechanisms).join(', ')
    throw new ConnectionError('auth', `the daemon offers SASL ${offered.join(', ')}; this client knows ${known}`)
  }
  const exchange = mechanism(credentials)
  const first = exchange.next(Buffer.alloc(0))
  let step = await call(proc.authSaslStart, { mechanism: name, nil: false, data: first.value ?? Buffer.alloc(0) })
  for (;;) {
    const next = exchange.next(step.data)
    if (step.complete) {
      // The daemon may be an impostor: it reported success but has not proved that it knows the password.
      if (!next.done)
        throw new ConnectionError('auth', `SASL ${name}: the daemon did not prove that it knows the password`)
      return
    }
    step = await call(proc.authSaslStep, { nil: next.done === true, data: next.value ?? Buffer.alloc(0) })
  }
}

/** The SASL mechanism PLAIN (RFC 4616). */
function* plainMechanism({ username, password }: Credentials): SaslExchange {
  yield Buffer.from(`\0${username}\0${password}`)
}
