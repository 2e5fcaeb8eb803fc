import { describe, expect, it } from 'vitest'
import { authenticateClient, type Credentials } from './auth.ts'
import type { CallFunction } from './connection-options.ts'

const fred = { username: 'fred', password: 'secret' }
const noData = { complete: true, nil: false, data: Buffer.alloc(0) }

/** A function makes the answer from the SASL data of the call. */
type Answer = object | ((data: string) => object)

function createDaemon(answers: Record<string, Answer>) {
  const calls: string[][] = []
  const call = (async ({ name }: { name: string }, args: { mechanism?: string; data?: Buffer }) => {
    const data = args.data?.toString('latin1') ?? ''
    calls.push(args.data ? [name, args.mechanism ?? '', data] : [name])
    const answer = answers[name]
    if (answer === undefined) throw new Error(`the daemon has no answer to ${name}`)
    return typeof answer === 'function' ? answer(data) : answer
  }) as unknown as CallFunction
  return { call, calls }
}

describe('authenticateClient', () => {
  it.each([{ types: [] }, { types: [0] }, { types: [1, 0] }])(
    'calls nothing further when the daemon needs no authentication: %o',
    async (authList) => {
      const { call, calls } = createDaemon({ authList })
      await authenticateClient(call, undefined)
      expect(calls).toEqual([['authList']])
    },
  )

  it('succeeds when polkit allows access, and fails when it denies access', async () => {
    const allowing = createDaemon({ authList: { types: [2] }, authPolkit: { complete: true } })
    await authenticateClient(allowing.call, undefined)
    expect(allowing.calls).toEqual([['authList'], ['authPolkit']])
    const denying = createDaemon({ authList: { types: [2] }, authPolkit: { complete: false } })
    await expect(authenticateClient(denying.call, undefined)).rejects.toMatchObject({ code: 'auth' })
  })

  it('sends user and password in PLAIN when the daemon offers no SCRAM', async () => {
    const { call, calls } = createDaemon({
      authList: { types: [1] },
      authSaslInit: { mechanisms: 'GSSAPI,PLAIN' },
      authSaslStart: noData,
    })
    await authenticateClient(call, fred)
    expect(calls).toEqual([['authList'], ['authSaslInit'], ['authSaslStart', 'PLAIN', '\0fred\0secret']])
  })

  it('prefers SCRAM, and fails when the daemon ends the exchange without its proof', async () => {
    const authSaslStart = (first: string) => {
      const nonce = first.split('r=')[1] ?? ''
      return { complete: true, nil: false, data: Buffer.from(`r=${nonce}more,s=c2FsdA==,i=4096`) }
    }
    const authSaslInit = { mechanisms: 'PLAIN SCRAM-SHA-256' }
    const { call, calls } = createDaemon({ authList: { types: [1] }, authSaslInit, authSaslStart })
    await expect(authenticateClient(call, fred)).rejects.toThrow('did not prove that it knows the password')
    const first = ['authSaslStart', 'SCRAM-SHA-256', expect.stringMatching(/^n,,n=fred,r=/)]
    expect(calls).toEqual([['authList'], ['authSaslInit'], first])
  })

  it.each<[string, Record<string, Answer>, Credentials | undefined, string]>([
    [
      'the client has no credentials',
      { authSaslInit: { mechanisms: 'PLAIN' } },
      undefined,
      'asks for a user and password (SASL PLAIN)',
    ],
    [
      'the client knows none of the mechanisms',
      { authSaslInit: { mechanisms: 'GSSAPI,DIGEST-MD5' } },
      fred,
      'offers SASL GSSAPI, DIGEST-MD5; this client knows SCRAM-SHA-256, PLAIN',
    ],
  ])('fails with a message that names the mechanisms when %s', async (_what, answers, credentials, message) => {
    const { call, calls } = createDaemon({ authList: { types: [1] }, ...answers })
    await expect(authenticateClient(call, credentials)).rejects.toThrow(message)
    expect(calls).toEqual([['authList'], ['authSaslInit']])
  })

  it('fails with the number of the type when the client does not know the type of authentication', async () => {
    await expect(authenticateClient(createDaemon({ authList: { types: [7] } }).call, fred)).rejects.toThrow('of type 7')
  })
})
