import { afterEach, describe, expect, it } from 'vitest'
import type { Guest } from '../../actions/host/index.ts'
import { type ContractHost, ctx, waitUntilDone } from './contract-host.ts'

const withDisplayName = (guest: Guest, displayName: string): Guest => ({
  ...guest,
  server: { ...guest.server, spec: { ...guest.server.spec, displayName } },
})

export function describeConfigDrivesContract(getHost: () => ContractHost): void {
  describe('ConfigDrives', () => {
    afterEach(() => getHost().reset())

    it('write puts the present spec of the Server on the drive, and the same bytes when it is repeated', async () => {
      const host = getHost()
      const guest = withDisplayName(host.newGuest(), 'first name')
      await host.host.configDrives.write(guest, ctx)
      const first = await host.configDrive(guest)
      expect(first).toContain('first name')
      await host.host.configDrives.write(guest, ctx)
      expect(await host.configDrive(guest)).toBe(first)
    })

    it('write replaces the drive when the Server has changed', async () => {
      const host = getHost()
      const guest = host.newGuest()
      await host.host.configDrives.write(withDisplayName(guest, 'first name'), ctx)
      await host.host.configDrives.write(withDisplayName(guest, 'second name'), ctx)
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

    it('write puts the user data of the HostSecret on the drive, and keeps it when the HostSecret is gone', async () => {
      const host = getHost()
      const guest = host.newGuest({ hasSecretUserData: true })
      await host.sendUserData(guest, 'user data of a Secret')
      await host.host.configDrives.write(guest, ctx)
      expect(await host.configDrive(guest)).toContain('user data of a Secret')
      await host.withdrawUserData(guest)
      await host.restartAgent()
      await host.host.configDrives.write(withDisplayName(guest, 'another name'), ctx)
      const text = await host.configDrive(guest)
      expect(text).toContain('another name')
      expect(text).toContain('user data of a Secret')
    })

    it('write keeps the first user data when the HostSecret has others later', async () => {
      const host = getHost()
      const guest = host.newGuest({ hasSecretUserData: true })
      await host.sendUserData(guest, 'first user data')
      await host.host.configDrives.write(guest, ctx)
      await host.sendUserData(guest, 'second user data')
      await host.host.configDrives.write(guest, ctx)
      expect(await host.configDrive(guest)).toContain('first user data')
    })

    it('write fails with UserDataNotDelivered while there is no HostSecret', async () => {
      const host = getHost()
      const guest = host.newGuest({ hasSecretUserData: true })
      await expect(host.host.configDrives.write(guest, ctx)).rejects.toMatchObject({ code: 'UserDataNotDelivered' })
      expect(await host.configDrive(guest)).toBeUndefined()
      await host.sendUserData(guest, 'late user data')
      await host.host.configDrives.write(guest, ctx)
      expect(await host.configDrive(guest)).toContain('late user data')
    })

    it('write takes the user data anew when everything of the server was deleted from the host', async () => {
      const host = getHost()
      const guest = host.newGuest({ hasSecretUserData: true })
      await host.sendUserData(guest, 'first user data')
      await host.host.configDrives.write(guest, ctx)
      await host.host.disks.delete(guest, ctx)
      await host.sendUserData(guest, 'second user data')
      await host.host.configDrives.write(guest, ctx)
      const text = await host.configDrive(guest)
      expect(text).toContain('second user data')
      expect(text).not.toContain('first user data')
    })

    it('write works before the disks exist, and does not change disks that exist', async () => {
      const host = getHost()
      const guest = withDisplayName(host.newGuest(), 'any name')
      await host.host.configDrives.write(guest, ctx)
      await waitUntilDone(() => host.host.disks.create(guest, ctx), 'disks')
      const disk = await host.diskIdentity(guest)
      expect(await host.configDrive(guest)).toContain('any name')
      await host.host.configDrives.write(guest, ctx)
      expect(await host.diskIdentity(guest)).toEqual(disk)
    })
  })
}
