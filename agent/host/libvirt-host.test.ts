import { expect, it, type MockInstance, vi } from 'vitest'
import type { Guest } from '../../actions/host/index.ts'
import { DomainWatch } from '../server/events.ts'
import type { Domains, ServerDomains } from './domains.ts'
import { createLibvirtHost, type LibvirtHostOptions } from './libvirt-host.ts'

const uuid = '00000000-0000-4000-8000-000000000001'
const guest = { server: { metadata: { name: 'web', uid: uuid } }, instance: { uuid } } as unknown as Guest

/** A host on which a guest is asked to power off; `observe` says how it is. */
function hostWhose(observe: ServerDomains['observe']) {
  const watch = new DomainWatch(() => undefined)
  const ask = vi.fn<ServerDomains['askToShutDown']>().mockResolvedValue(undefined)
  const domains = { of: () => ({ observe, askToShutDown: ask }) } as unknown as Domains
  const stateChange: LibvirtHostOptions['stateChange'] = (id, signal) => watch.next(id, signal)
  return { watch, ask, host: createLibvirtHost({ domains, stateChange } as LibvirtHostOptions) }
}

/** The guest's time of 60 seconds is over, and it still runs. */
async function overAt60(off: Promise<string>, { now, watch }: { now: MockInstance<() => number>; watch: DomainWatch }) {
  now.mockReturnValue(60_000)
  watch.notify(uuid)
  expect(await off).toBe('timeout')
  now.mockRestore()
}

it('asks a guest to power off, and sees by its event that it did', async () => {
  const observe = vi
    .fn<ServerDomains['observe']>()
    .mockResolvedValueOnce({ power: 'running' })
    .mockResolvedValue({ power: 'off' })
  const { host, watch } = hostWhose(observe)
  const off = host.domains.shutdown(guest, 60, { signal: new AbortController().signal, progress: () => undefined })
  await vi.waitFor(() => expect(observe).toHaveBeenCalledTimes(1))
  watch.notify(uuid)
  expect(await off).toBe('off')
})

it('waits no longer for a guest that powers off once it is told to give up', async () => {
  const observe = vi.fn<ServerDomains['observe']>().mockResolvedValue({ power: 'running' })
  const { host } = hostWhose(observe)
  const stop = new AbortController()
  const off = host.domains.shutdown(guest, 60, { signal: stop.signal, progress: () => undefined })
  await vi.waitFor(() => expect(observe).toHaveBeenCalledTimes(1))
  stop.abort(new Error('the server is to be deleted'))
  await expect(off).rejects.toThrow('to be deleted')
  expect(observe.mock.calls.length).toBeLessThan(4)
})

it('asks a guest that did not hear again after ten seconds, not sooner', async () => {
  const now = vi.spyOn(performance, 'now').mockReturnValue(0)
  const observe = vi.fn<ServerDomains['observe']>().mockResolvedValue({ power: 'running' })
  const { host, watch, ask } = hostWhose(observe)
  const off = host.domains.shutdown(guest, 60, { signal: new AbortController().signal, progress: () => undefined })
  for (const [at, asked] of [
    [0, 1],
    [9999, 1],
    [10_000, 2],
    [19_999, 2],
    [20_000, 3],
  ] as const) {
    now.mockReturnValue(at)
    const looks = observe.mock.calls.length
    await vi.waitFor(() => {
      watch.notify(uuid)
      expect(observe.mock.calls.length).toBeGreaterThan(looks + 2)
    })
    expect(ask).toHaveBeenCalledTimes(asked)
  }
  await overAt60(off, { now, watch })
  expect(ask).toHaveBeenCalledTimes(3)
})

it('takes no answer for no power off: libvirt may wait for a guest agent, or QEMU hang, longer than the guest has time', async () => {
  const now = vi.spyOn(performance, 'now').mockReturnValue(0)
  const observe = vi.fn<ServerDomains['observe']>().mockResolvedValue({ power: 'running' })
  const { host, watch, ask } = hostWhose(observe)
  ask.mockReturnValue(new Promise(() => undefined))
  const off = host.domains.shutdown(guest, 60, { signal: new AbortController().signal, progress: () => undefined })
  await vi.waitFor(() => expect(observe).toHaveBeenCalledTimes(1))
  await overAt60(off, { now, watch })
  expect(ask).toHaveBeenCalledTimes(1)
})

it('looks again as soon as libvirt has answered', async () => {
  const observe = vi
    .fn<ServerDomains['observe']>()
    .mockResolvedValueOnce({ power: 'saved' })
    .mockResolvedValue({ power: 'off' })
  const { host, ask } = hostWhose(observe)
  ask.mockRejectedValue(new Error('what it says is no matter'))
  expect(
    await host.domains.shutdown(guest, 60, { signal: new AbortController().signal, progress: () => undefined }),
  ).toBe('off')
})
