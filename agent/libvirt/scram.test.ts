// Tests the example of RFC 7677, section 3, and daemons that violate the protocol.
import { describe, expect, it } from 'vitest'
import { scramSha256 } from './scram.ts'

const user = { username: 'user', password: 'pencil' }
const serverFirst = 'r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096'
const startExchange = () => {
  const exchange = scramSha256(user, 'rOprNGfwEbeRWgbNEkqO')
  return { exchange, first: exchange.next(Buffer.alloc(0)).value?.toString() }
}

describe('SCRAM-SHA-256', () => {
  it('sends the messages of the example in RFC 7677', () => {
    const { exchange, first } = startExchange()
    expect(first).toBe('n,,n=user,r=rOprNGfwEbeRWgbNEkqO')
    expect(exchange.next(Buffer.from(serverFirst)).value?.toString()).toBe(
      'c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=',
    )
    expect(exchange.next(Buffer.from('v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4='))).toEqual({
      done: true,
      value: undefined,
    })
  })

  it.each([
    ['a nonce that does not begin with the client’s', 'r=other,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096'],
    ['a nonce that adds nothing to the client’s', 'r=rOprNGfwEbeRWgbNEkqO,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096'],
    ['too many rounds', serverFirst.replace('4096', '1000000000')],
    ['no rounds', serverFirst.replace('4096', 'x')],
  ])('refuses %s', (_what, challenge) => {
    const { exchange } = startExchange()
    expect(() => exchange.next(Buffer.from(challenge))).toThrow('an invalid challenge')
  })

  it('refuses a daemon that does not know the password', () => {
    const { exchange } = startExchange()
    exchange.next(Buffer.from(serverFirst))
    expect(() => exchange.next(Buffer.from('v=AAAATRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4='))).toThrow(
      'does not know the password',
    )
  })

  it('escapes separators in user names', () => {
    expect(scramSha256({ username: 'a=b,c', password: '' }, 'n').next(Buffer.alloc(0)).value?.toString()).toBe(
      'n,,n=a=3Db=2Cc,r=n',
    )
  })
})
