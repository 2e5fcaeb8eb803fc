import { execFileSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { MIB } from '../files/sizes.ts'
import { convertImage, measureConvertedSize, readImageInfo } from './qemu-img.ts'

vi.setConfig({ testTimeout: 60_000 })

let dir: string
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'qemu-img-'))
})
afterEach(() => rmSync(dir, { recursive: true, force: true }))

test.each([
  ['qcow2', []],
  ['qcow2', ['-c']],
  ['vmdk', []],
  ['vmdk', ['-o', 'subformat=streamOptimized']],
  ['vdi', []],
  ['vhdx', []],
] as const)(
  'measureConvertedSize of a %s image with %j covers its uncompressed data and not its holes',
  async (format, args) => {
    const [raw, source] = [join(dir, 'raw'), join(dir, 'source')]
    // Compression halves the size of hexadecimal digits.
    writeFileSync(raw, randomBytes(4 * MIB).toString('hex'))
    truncateSync(raw, 256 * MIB)
    execFileSync('qemu-img', ['convert', '-f', 'raw', '-O', format, ...args, raw, source])
    const info = await readImageInfo(source)
    const measured = await measureConvertedSize(source, info)
    expect(measured).toBeLessThan(16 * MIB)
    for (const to of ['qcow2', 'raw'] as const) {
      const target = join(dir, to)
      await convertImage(source, target, { from: format, to, virtualSize: info['virtual-size'] })
      const allocated = statSync(target).blocks * 512
      expect(allocated).toBeGreaterThanOrEqual(8 * MIB)
      expect(allocated).toBeLessThanOrEqual(measured)
    }
  },
)
