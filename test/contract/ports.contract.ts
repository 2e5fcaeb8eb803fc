import { afterEach, describe, expect, it } from 'vitest'
import { type ContractHost, ctx, prepareAndDefine } from './contract-host.ts'
import { domainCalls } from './domain-calls.ts'

export function describePortsContract(getHost: () => ContractHost): void {
  describe('Ports', () => {
    afterEach(() => getHost().reset())

    it('plug makes the ports of all interfaces, and may be repeated', async () => {
      const host = getHost()
      const guest = host.newGuest()
      expect(await host.hasPorts(guest)).toBe(false)
      for (let i = 0; i < 2; i++) {
        await host.host.ports.plug(guest, ctx)
        expect(await host.hasPorts(guest)).toBe(true)
      }
    })

    it('unplug removes the ports, and may be repeated, also when nothing was plugged', async () => {
      const host = getHost()
      const guest = host.newGuest()
      await host.host.ports.unplug(guest, ctx)
      await host.host.ports.plug(guest, ctx)
      for (let i = 0; i < 2; i++) {
        await host.host.ports.unplug(guest, ctx)
        expect(await host.hasPorts(guest)).toBe(false)
      }
    })

    it('unplug leaves the ports of other Servers on the same network', async () => {
      const host = getHost()
      const [guest, other] = [host.newGuest(), host.newGuest()]
      for (const each of [guest, other]) await host.host.ports.plug(each, ctx)
      await host.host.ports.unplug(guest, ctx)
      expect(await host.hasPorts(other)).toBe(true)
    })

    it('plug of a running guest leaves it running', async () => {
      const host = getHost()
      const guest = host.newGuest()
      await prepareAndDefine(host, guest, 'b1')
      await domainCalls.start(host, guest)
      const qemu = await host.qemuOf(guest)
      await host.host.ports.plug(guest, ctx)
      expect(await host.hasPorts(guest)).toBe(true)
      expect(await host.qemuOf(guest)).toEqual(qemu)
    })

    it('plug works again after the host has lost its power', async () => {
      const host = getHost()
      const guest = host.newGuest()
      await host.host.ports.plug(guest, ctx)
      await host.powerCycle()
      expect(await host.hasPorts(guest)).toBe(false)
      await host.host.ports.plug(guest, ctx)
      expect(await host.hasPorts(guest)).toBe(true)
    })

    it('unplug works in a new process when the agent has died', async () => {
      const host = getHost()
      const guest = host.newGuest()
      await host.host.ports.plug(guest, ctx)
      await host.restartAgent()
      await host.host.ports.unplug(guest, ctx)
      expect(await host.hasPorts(guest)).toBe(false)
    })
  })
}
