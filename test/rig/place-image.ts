// Copies images of guests to the hosts of a cloud.
import { constants, copyFileSync, existsSync, mkdirSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { makeButtonGuestDisk } from './button-guest.ts'
import { ensureGuestImage } from './guest.ts'
import type { Host } from './host.ts'
import { runCommand } from './process.ts'

/** Path inside each host, below the agent's --image-dir. examples/quickstart/image.yaml names guest.qcow2. */
const imagePathOf = (name: string): string => `var/lib/kubenova/images/${name}.qcow2`

export async function placeGuestImage(
  hosts: Iterable<Pick<Host, 'home'>>,
  log: (line: string) => void = () => undefined,
): Promise<void> {
  const { path, size } = await ensureGuestImage(log)
  for (const { home } of hosts) {
    const target = join(home, imagePathOf('guest'))
    if (existsSync(target) && statSync(target).size === size) continue
    mkdirSync(dirname(target), { recursive: true })
    // Rename at the end, so that an interrupted copy does not look like the image. If the file system supports it, the
    // copy shares blocks with the image.
    copyFileSync(path, `${target}.new`, constants.COPYFILE_FICLONE)
    renameSync(`${target}.new`, target)
  }
  log(`image guest.qcow2, ${(size / 1024 ** 2).toFixed(0)} MiB, on each host`)
}

/** Places the guest of button-guest.ts on all hosts. Returns the URL for an Image. */
export async function placeButtonImage(hosts: Iterable<Pick<Host, 'home'>>, name: string): Promise<string> {
  for (const { home } of hosts) {
    const target = join(home, imagePathOf(name))
    const raw = `${target}.raw`
    mkdirSync(dirname(target), { recursive: true })
    writeFileSync(raw, makeButtonGuestDisk())
    await runCommand(['qemu-img', 'convert', '-f', 'raw', '-O', 'qcow2', raw, `${target}.new`])
    rmSync(raw)
    renameSync(`${target}.new`, target)
  }
  return `file:///${imagePathOf(name)}`
}
