import { beforeEach, expect, it } from 'vitest'
import type { Kube } from '../../kube/client.ts'
import { FakeClock } from '../../kube/testing/fake-clock.ts'
import { type Access, createAccess, type Right } from './access.ts'

const user = { user: 'anna', groups: [] }
const right: Right = { verb: 'list', kind: { group: 'compute.kubenova.io', plural: 'servers' }, namespace: 'mine' }

let clock: FakeClock
let access: Access
/** The answer of the API server. */
let allowed: boolean | Error
let questions: number

beforeEach(() => {
  clock = new FakeClock()
  questions = 0
  const create = async (): Promise<object> => {
    questions += 1
    if (allowed instanceof Error) throw allowed
    return { status: { allowed } }
  }
  access = createAccess({ clock, resource: (() => ({ create })) as unknown as Kube['resource'] })
})

const ask = (): Promise<boolean> => access.isAllowed(user, right)

it('remembers for five seconds that a right is given', async () => {
  allowed = true
  expect(await ask()).toBe(true)
  allowed = false
  await clock.advance(4_999)
  expect([await ask(), questions]).toEqual([true, 1])
  await clock.advance(1)
  expect([await ask(), questions]).toEqual([false, 2])
})

it('asks again soon after a refusal, because a binding may have been made just before', async () => {
  allowed = false
  expect(await ask()).toBe(false)
  allowed = true
  await clock.advance(199)
  expect([await ask(), questions]).toEqual([false, 1])
  await clock.advance(1)
  expect([await ask(), questions]).toEqual([true, 2])
})

it('asks again at once when the API server did not answer', async () => {
  allowed = new Error('no answer')
  await expect(ask()).rejects.toThrow('no answer')
  allowed = true
  expect(await ask()).toBe(true)
})
