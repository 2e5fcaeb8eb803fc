// The guest image boots to a login prompt in seconds even under emulation, and prints a report about itself on its
// serial console. It is built anew only when guest/ changes (see guest/build.sh).
import { createHash } from 'node:crypto'
import { existsSync, globSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { cacheDirectory } from './binaries.ts'
import { runCommand } from './process.ts'

export interface GuestImage {
  /** A qcow2 file that boots with BIOS (needs 128 MiB of memory) and with UEFI (512 MiB). */
  path: string
  /** SHA-256 of the file, in hexadecimal. */
  sha256: string
  /** Size of the file in bytes. */
  size: number
}

/** The guest prints this report at each boot, in a console line that begins with KUBENOVA-GUEST. */
export interface GuestReport {
  hostname: string
  /** The server's UUID from the config drive; "none" if there is no config drive. */
  uuid: string
  /** Number of authorized SSH keys. */
  keys: number
  /** IP addresses with their prefix lengths. */
  addresses: string[]
  /** `failed:N`: the user data is a script that ended with exit code N. `ignored`: the user data is not a script. */
  userdata: 'ok' | 'none' | 'ignored' | `failed:${number}`
  /** Number of boots from this disk. The guest keeps this number on the disk. */
  boots: number
  /** In bytes. `memory` is what the guest's kernel has available. */
  disk: number
  memory: number
  cpus: number
}

/** The password of root in the guest. */
export const guestPassword = 'kubenova'

const source = join(import.meta.dirname, 'guest')

/** Unless the image is cached, building it takes half a minute and needs Debian's package archive. */
export async function ensureGuestImage(
  log: (line: string) => void = (line) => console.error(line),
): Promise<GuestImage> {
  const cache = join(cacheDirectory(), '../guest')
  const path = join(cache, `${contentHash()}.qcow2`)
  if (!existsSync(path)) {
    log('guest image: building from Debian packages')
    const started = performance.now()
    await runCommand([join(source, 'build.sh'), path, join(cache, 'packages')], { timeout: 600_000 })
    log(`guest image: built in ${Math.round((performance.now() - started) / 1000)} s`)
  }
  const sha256 = createHash('sha256').update(readFileSync(path)).digest('hex')
  return { path, sha256, size: statSync(path).size }
}

function contentHash(): string {
  const hash = createHash('sha256')
  for (const file of globSync('**/*', { cwd: source }).sort()) {
    const path = join(source, file)
    if (statSync(path).isFile()) hash.update(`${file}\0`).update(readFileSync(path))
  }
  return hash.digest('hex').slice(0, 16)
}

/** One report per boot, oldest first. */
export function guestReports(consoleLog: string): GuestReport[] {
  return [...consoleLog.matchAll(/^KUBENOVA-GUEST (.*?)\r?$/gm)].map(([, line = '']) => parseReport(line))
}

function parseReport(line: string): GuestReport {
  const fields = new Map(
    line.split(' ').map((pair) => [pair.slice(0, pair.indexOf('=')), pair.slice(pair.indexOf('=') + 1)]),
  )
  const text = (name: string) => {
    const value = fields.get(name)
    if (value === undefined) throw new Error(`no ${name} in: ${line}`)
    return value
  }
  const number = (name: string) => Number(text(name))
  return {
    hostname: text('hostname'),
    uuid: text('uuid'),
    keys: number('keys'),
    addresses: text('address') === 'none' ? [] : text('address').split(','),
    userdata: text('userdata') as GuestReport['userdata'],
    boots: number('boots'),
    disk: number('disk'),
    memory: number('memory'),
    cpus: number('cpus'),
  }
}
