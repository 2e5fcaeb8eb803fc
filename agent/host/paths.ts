/** Paths of a Server's files on its host. All but the VNC socket are in one directory, named by the Server's uid. */
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

/** Returns the paths of the files of a guest's Server. */
export type PathsOf = (guest: Guest) => ServerPaths

export const uidOf = ({ server }: Guest): string => server.metadata.uid ?? ''

/** The directory that has a directory for each Server. */
export const instancesDirOf = (dataDir: string): string => join(dataDir, 'instances')

/**
 * The VNC socket is in `runDir`, because the path of a Unix socket may have at most 107 bytes and `dataDir` can be
 * long.
 */
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

/**
 * The domain's name in libvirt. The first eight digits of the uid make it unique, because libvirt refuses a duplicate.
 */
export function domainNameOf({ name, uid }: { name: string; uid: string }): string {
  return `${name.slice(0, 80)}-${uid.slice(0, 8)}`
}
