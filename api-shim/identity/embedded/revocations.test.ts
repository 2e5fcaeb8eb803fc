import { beforeEach, describe, expect, it } from 'vitest'
import { Revocations } from './revocations.ts'
import type { Changes, SecretMap, Values } from './secret-map.ts'

let values: Map<string, string>
let revocations: Revocations
const now = new Date('2026-01-01T00:00:00Z')
const after = (seconds: number): Date => new Date(now.getTime() + seconds * 1000)

beforeEach(() => {
  values = new Map()
  const secret = {
    get: (key: string) => values.get(key),
    async update(changesFor: (values: Values) => Changes) {
      for (const [key, value] of Object.entries(changesFor(values)))
        if (value === null) values.delete(key)
        else values.set(key, value)
    },
  }
  revocations = new Revocations(secret as unknown as SecretMap)
})

const revoke = (id: string, userId = 'anna', at = now): Promise<void> =>
  revocations.add({ id, userId, expiresAt: after(60) }, at, 3600)

describe('Revocations', () => {
  it('revokes one token, and forgets it when it has expired', async () => {
    await revoke('a')
    expect(revocations.has({ id: 'a', userId: 'anna' })).toBe(true)
    expect(revocations.has({ id: 'b', userId: 'anna' })).toBe(false)
    await revoke('b', 'bob', after(61))
    expect([...values.keys()]).toEqual(['b'])
  })

  it('ends all tokens of a user who has revoked 100, but not those of others or later ones', async () => {
    for (let i = 0; i < 100; i++) await revoke(`t${i}`)
    expect(revocations.has({ id: 'other', userId: 'anna' })).toBe(false)
    await revoke('bobs', 'bob')
    await revoke('one more')
    expect([...values.keys()]).toEqual(['bobs', 'user.anna'])
    for (const id of ['t0', 'one more', 'other']) expect(revocations.has({ id, userId: 'anna' })).toBe(true)
    expect(revocations.has({ id: 'other', userId: 'bob' })).toBe(false)

    const revision = revocations.revisionOf('anna')
    expect(revocations.has({ id: 'new', userId: 'anna', revision })).toBe(false)
    await revoke('new')
    expect(revocations.has({ id: 'new', userId: 'anna', revision })).toBe(true)
  })

  it('keeps the revision of a user until all older tokens have expired', async () => {
    for (let i = 0; i <= 100; i++) await revoke(`t${i}`)
    const revision = revocations.revisionOf('anna')
    await revoke('later', 'bob', after(3600))
    expect(revocations.revisionOf('anna')).toBe(revision)
    await revoke('later', 'bob', after(3601))
    expect(revocations.revisionOf('anna')).toBeUndefined()
    expect(revocations.has({ id: 'new', userId: 'anna', revision })).toBe(false)
  })

  it('has at most 5000 tokens of all users', async () => {
    for (let i = 0; i < 5_000; i++) values.set(`t${i}`, `${after(60).toISOString()} user-${i}`)
    await revoke('a')
    expect([values.size, values.has('user.anna')]).toEqual([5_001, true])
    await revoke('b')
    expect(values.size).toBe(5_001)
  })

  it('forgets values that it has not written', async () => {
    values.set('x', 'nonsense')
    await revoke('a')
    expect([...values.keys()]).toEqual(['a'])
  })
})
