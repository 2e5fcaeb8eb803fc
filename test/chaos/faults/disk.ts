// A small disk that tests can fill: a file with a file system, mounted over the agent's state directory.
import { join } from 'node:path'
import type { User } from '../../e2e/user.ts'
import type { Host } from '../../rig/host.ts'

const STATE = '/var/lib/kubenova'
const BALLAST = `${STATE}/ballast`

/** The agent must not be running. */
export async function mountSmallDisk(user: User, name: string, mib: number): Promise<Host> {
  const host = user.cloud.host(name)
  const file = join(host.home, 'small-disk')
  const script = [
    `truncate --size ${mib}M ${file}`,
    `mkfs.ext4 -q -m 0 -F ${file}`,
    `mkdir -p /run/small-disk && mount -o loop ${file} /run/small-disk`,
    `cp -a ${STATE}/. /run/small-disk/`,
    `mount --bind /run/small-disk ${STATE}`,
  ]
  await host.exec(['bash', '-ec', script.join('\n')])
  return host
}

export async function fillDisk(host: Host, leaveKib: number): Promise<void> {
  await emptyDisk(host)
  const script = `free=$(df --output=avail -k ${STATE} | tail -1); fallocate -l $(((free - ${leaveKib}) * 1024)) ${BALLAST}`
  await host.exec(['bash', '-ec', script])
}

export async function emptyDisk(host: Host): Promise<void> {
  await host.exec(['rm', '-f', BALLAST])
}
