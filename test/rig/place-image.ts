// Copies the guest image to the hosts of a cloud, where examples/quickstart/image.yaml expects it.
import { constants, copyFileSync, existsSync, mkdirSync, renameSync, statSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { ensureGuestImage } from './guest.ts'
import type { Host } from './host.ts'

/** Path inside each host, below the agent's --image-dir. */
const imagePath = 'var/lib/kubenova/images/guest.qcow2'

export async function placeGuestImage(
  hosts: Iterable<Pick<Host, 'home'>>,
  log: (line: string) => void = () => undefined,
): Promise<void> {
  const { path, size } = await ensureGuestImage(log)
  for (const { home } of hosts) {
    const target = join(home, imagePath)
    if (existsSync(target) && statSync(target).size === size) continue
    mkdirSync(dirname(target), { recursive: true })
    // Rename at the end, so that an interrupted copy does not look like the image. If the file system supports it, the
    // copy shares blocks with the image.
    copyFileSync(path, `${target}.new`, constants.COPYFILE_FICLONE)
    renameSync(`${target}.new`, target)
  }
  log(`image guest.qcow2, ${(size / 1024 ** 2).toFixed(0)} MiB, on each host`)
}
