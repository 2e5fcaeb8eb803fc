import { afterEach, describe, expect, it } from 'vitest'
import type { Guest } from '../../actions/host/index.ts'
import { type ContractHost, ctx, finish } from './contract-host.ts'

const named = (guest: Guest, displayName: string): Guest => ({
  ...guest,
  server: { ...guest.server, spec: { ...guest.server.spec, displayName } },
})

/** What actions rely on of the capability ConfigDrives. */
export function configDrivesContract(getHost: () => ContractHost): void {
  describe('ConfigDrives', () => {
    afterEach(() => getHost().reset())

    it('write puts what the Server says now on the drive, and the same again when it is repeated', async () => {
      const host = getHost()
      const guest = named(host.newGuest(), 'first name')
      await host.host.configDrives.write(guest, ctx)
      const first = await host.configDrive(guest)
      expect(first).toContain('first name')
      await host.host.configDrives.write(guest, ctx)
      expect(await host.configDrive(guest)).toBe(first)
    })

    it('write replaces the drive when the Server has changed', async () => {
      const host = getHost()
      const guest = host.newGuest()
      await host.host.configDrives.write(named(guest, 'first name'), ctx)
      await host.host.configDrives.write(named(guest, 'second name'), ctx)
      const text = await host.configDrive(guest)
      expect(text).toContain('second name')
      expect(text).not.toContain('first name')
    })

    it('write does nothing when the Server wants no config drive', async () => {
      const host = getHost()
      const guest = host.newGuest({ spec: { configDrive: false } })
      await host.host.configDrives.write(guest, ctx)
      expect(await host.configDrive(guest)).toBeUndefined()
    })

    it('write works before the disks are made, and leaves them as they are after', async () => {
      const host = getHost()
      const guest = named(host.newGuest(), 'any name')
      await host.host.configDrives.write(guest, ctx)
      await finish(() => host.host.disks.create(guest, ctx), 'disks')
      const disk = await host.diskIdentity(guest)
      expect(await host.configDrive(guest)).toContain('any name')
      await host.host.configDrives.write(guest, ctx)
      expect(await host.diskIdentity(guest)).toEqual(disk)
    })
  })
}
