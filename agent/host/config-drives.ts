import type { ConfigDrives, Guest } from '../../actions/host/index.ts'
import { decodeBundle, type InjectedBundle } from '../../actions/injected-bundle.ts'
import { Terminal } from '../../crds/index.ts'
import { writeConfigDrive } from '../image/config-drive.ts'
import type { PathsOf } from './paths.ts'
import { ensureSecretUserData, type UserDataOptions } from './user-data.ts'

export const newConfigDrives = (pathsOf: PathsOf, options: UserDataOptions): ConfigDrives => ({
  async write(guest, ctx) {
    if (!guest.server.spec.configDrive) return
    const directory = pathsOf(guest).dir
    const secret = await ensureSecretUserData(guest, directory, ctx, options)
    await writeConfigDrive(guest, { directory, signal: ctx.signal, secrets: secretsIn(secret, guest) })
  },
})

function secretsIn(secret: Uint8Array | undefined, { server }: Guest): InjectedBundle {
  if (secret === undefined || server.spec.injectedFrom === undefined) return { userData: secret }
  const bundle = decodeBundle(secret)
  if (!bundle)
    throw new Terminal('UserDataNotDelivered', 'what the controller has sent for the config drive is no bundle')
  return bundle
}
