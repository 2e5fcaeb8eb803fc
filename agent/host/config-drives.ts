import type { ConfigDrives } from '../../actions/host/index.ts'
import { writeConfigDrive } from '../image/config-drive.ts'
import type { PathsOf } from './paths.ts'
import { ensureSecretUserData, type UserDataOptions } from './user-data.ts'

export const newConfigDrives = (pathsOf: PathsOf, options: UserDataOptions): ConfigDrives => ({
  async write(guest, ctx) {
    if (!guest.server.spec.configDrive) return
    const directory = pathsOf(guest).dir
    const secretUserData = await ensureSecretUserData(guest, directory, ctx, options)
    await writeConfigDrive(guest, { directory, signal: ctx.signal, secretUserData })
  },
})
