// A host whose disk is small, and can be filled: a file system in a file, mounted where the agent keeps its state, inside the host alone.
import { join } from 'node:path'
import type { User } from '../../e2e/user.ts'
import type { Host } from '../../rig/host.ts'

const STATE = '/var/lib/kubenova'
const BALLAST = `${STATE}/ballast`

/** What is there already moves onto it, so that the agent finds its state. Stop the agent before, and start it after. */
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

/** Leaves this much room, and no more. */
export async function fill(host: Host, leaveKib: number): Promise<void> {
  await makeRoom(host)
  const script = `free=$(df --output=avail -k ${STATE} | tail -1); fallocate -l $(((free - ${leaveKib}) * 1024)) ${BALLAST}`
  await host.exec(['bash', '-ec', script])
}

export async function makeRoom(host: Host): Promise<void> {
  await host.exec(['rm', '-f', BALLAST])
}
