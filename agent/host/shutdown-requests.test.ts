import { afterEach, expect, it, vi } from 'vitest'
import { ShutdownRequests } from './shutdown-requests.ts'

const now = vi.spyOn(performance, 'now')
afterEach(() => void now.mockReset())

it('ShutdownRequests asks again after ten seconds, not sooner', async () => {
  const [requests, ask] = [new ShutdownRequests(), vi.fn(async () => undefined)]
  for (const [at, asked] of [
    [0, 1],
    [9999, 1],
    [10_000, 2],
    [19_999, 2],
    [20_000, 3],
  ] as const) {
    now.mockReturnValue(at)
    requests.send('u1', ask)
    await new Promise(setImmediate)
    expect(ask, `at ${at}`).toHaveBeenCalledTimes(asked)
  }
})

it('ShutdownRequests does not ask again while libvirtd has not answered', async () => {
  const [requests, answer] = [new ShutdownRequests(), Promise.withResolvers<void>()]
  const ask = vi.fn(() => answer.promise)
  now.mockReturnValue(0)
  requests.send('u1', ask)
  now.mockReturnValue(60_000)
  requests.send('u1', ask)
  expect(ask).toHaveBeenCalledTimes(1)
  answer.reject(new Error('the guest agent did not answer'))
  await new Promise(setImmediate)
  requests.send('u1', ask)
  expect(ask).toHaveBeenCalledTimes(2)
})

it('ShutdownRequests asks at once when another Server is asked, or when the domain has booted anew', () => {
  const [requests, ask] = [new ShutdownRequests(), vi.fn(async () => undefined)]
  now.mockReturnValue(0)
  requests.send('u1', ask)
  requests.send('u2', ask)
  expect(ask).toHaveBeenCalledTimes(2)
  requests.forget('u1')
  requests.send('u1', ask)
  expect(ask).toHaveBeenCalledTimes(3)
})
