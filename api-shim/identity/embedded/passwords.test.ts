import { expect, it } from 'vitest'
import { Fault } from '../../http/fault.ts'
import { hashPassword, verifyPassword } from './passwords.ts'

/** The cheapest parameters that are allowed. The hash fits no password. */
const cheapHash = `$argon2id$v=19$m=8,t=1,p=1$${'A'.repeat(22)}$${'A'.repeat(43)}`

it('answers 503 to passwords that would have to wait for many others', async () => {
  const results = await Promise.allSettled(Array.from({ length: 150 }, () => verifyPassword('x', cheapHash)))
  const faults = results.flatMap((result) => (result.status === 'rejected' ? [result.reason as Fault] : []))
  expect(faults).toHaveLength(48)
  expect(faults[0]).toBeInstanceOf(Fault)
  expect(faults[0]).toMatchObject({ status: 503, headers: { 'retry-after': '3' } })
  expect(await verifyPassword('pw', await hashPassword('pw'))).toBe(true)
})
