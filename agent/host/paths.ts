import { join } from 'node:path'
import type { Guest } from '../../actions/host/index.ts'

export interface ServerPaths {
  dir: string
  rootDisk: string
  ephemeral: string
  swap: string
  configDrive: string
  consoleLog: string
  nvram: string
  rescueNvram: string
  vnc: string
}

export type PathsOf = (guest: Guest) => ServerPaths

export const uidOf = ({ server }: Guest): string => server.metadata.uid ?? ''

/** The parent of all Servers' directories. */
export const instancesDirOf = (dataDir: string): string => join(dataDir, 'instances')

/** The VNC socket is in `runDir`, because a Unix socket's path may have at most 107 bytes and `dataDir` can be long. */
export function serverPathsOf(dataDir: string, runDir: string, uid: string): ServerPaths {
  const dir = join(instancesDirOf(dataDir), uid)
  return {
    dir,
    rootDisk: join(dir, 'disk'),
    ephemeral: join(dir, 'disk.eph0'),
    swap: join(dir, 'disk.swap'),
    configDrive: join(dir, 'disk.config'),
    consoleLog: join(dir, 'console.log'),
    nvram: join(dir, 'nvram.fd'),
    rescueNvram: join(dir, 'nvram.rescue.fd'),
    vnc: join(runDir, `${uid}.vnc`),
  }
}
