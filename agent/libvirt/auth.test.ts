// What the client says to each way of authentication that a daemon may ask for, and what it refuses.
import { describe, expect, it } from 'vitest'
import { authenticate, type Credentials } from './auth.ts'
import type { CallFunction } from './connection-options.ts'

const fred = { username: 'fred', password: 'secret' }

/** A daemon as a table of what it answers, procedure by procedure; keeps what it was told. */
function daemon(answers: Record<string, unknown>) {
  const told: unknown[] = []
  const call = (async (procedure: { name: string }, args: { mechanism?: string; data?: Buffer }) => {
    if (args.data) told.push([args.mechanism, args.data.toString('latin1')])
    const answer = answers[procedure.name] ?? expect.fail(`${procedure.name} was not to be called`)
    return typeof answer === 'function' ? (answer as (data: string) => unknown)(args.data?.toString() ?? '') : answer
  }) as unknown as CallFunction
  return { call, told }
}

describe('authenticate', () => {
  it.each([{ types: [] }, { types: [0] }, { types: [1, 0] }])(
    'asks for nothing where the daemon does not: %o',
    async (authList) => {
      await authenticate(daemon({ authList }).call, undefined)
    },
  )

  it('lets polkit decide', async () => {
    await authenticate(daemon({ authList: { types: [2] }, authPolkit: { complete: true } }).call, undefined)
    const refused = daemon({ authList: { types: [2] }, authPolkit: { complete: false } })
    await expect(authenticate(refused.call, undefined)).rejects.toMatchObject({ code: 'auth' })
  })

  it('says user and password in PLAIN', async () => {
    const done = { complete: true, nil: false, data: Buffer.alloc(0) }
    const { call, told } = daemon({
      authList: { types: [1] },
      authSaslInit: { mechanisms: 'GSSAPI,PLAIN' },
      authSaslStart: done,
    })
    await authenticate(call, fred)
    expect(told).toEqual([['PLAIN', '\0fred\0secret']])
  })

  it('prefers SCRAM, and does not trust a daemon that skips its proof', async () => {
    const authSaslStart = (first: string) => {
      const nonce = first.split('r=')[1] ?? ''
      return { complete: true, nil: false, data: Buffer.from(`r=${nonce}more,s=c2FsdA==,i=4096`) }
    }
    const authSaslInit = { mechanisms: 'PLAIN SCRAM-SHA-256' }
    const { call, told } = daemon({ authList: { types: [1] }, authSaslInit, authSaslStart })
    await expect(authenticate(call, fred)).rejects.toThrow('the daemon left out its last message')
    expect(told).toMatchObject([['SCRAM-SHA-256', expect.stringMatching(/^n,,n=fred,r=/)]])
  })

  it.each<[string, Record<string, unknown>, Credentials | undefined, string]>([
    ['no credentials', { authSaslInit: { mechanisms: 'PLAIN' } }, undefined, 'wants a user and password (SASL PLAIN)'],
    [
      'only mechanisms that we do not know',
      { authSaslInit: { mechanisms: 'GSSAPI,DIGEST-MD5' } },
      fred,
      'offers SASL GSSAPI, DIGEST-MD5; this client knows SCRAM-SHA-256, PLAIN',
    ],
  ])('says what is missing: %s', async (_what, answers, credentials, message) => {
    const { call } = daemon({ authList: { types: [1] }, ...answers })
    await expect(authenticate(call, credentials)).rejects.toThrow(message)
  })

  it('says what a daemon of the future wants', async () => {
    await expect(authenticate(daemon({ authList: { types: [7] } }).call, fred)).rejects.toThrow('of type 7')
  })
})
