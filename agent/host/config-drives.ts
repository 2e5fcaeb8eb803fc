import type { ConfigDrives } from '../../actions/host/index.ts'
import { writeConfigDrive } from '../image/config-drive.ts'
import type { PathsOf } from './paths.ts'

export const newConfigDrives = (pathsOf: PathsOf): ConfigDrives => ({
  async write(guest, { signal }) {
    if (!guest.server.spec.configDrive) return
    await writeConfigDrive(guest, { directory: pathsOf(guest).dir, signal })
  },
})
