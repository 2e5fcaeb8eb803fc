import { execFileSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { convertedSize, convertImage, imageInfo } from './qemu-img.ts'

// Other programs do the work here, on machines that may be busy.
vi.setConfig({ testTimeout: 60_000 })

const MiB = 1024 ** 2
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
  'how much a %s %j takes when it is converted: its data, unpacked, and not its holes',
  async (format, more) => {
    const [raw, source] = [join(dir, 'raw'), join(dir, 'source')]
    // Packed it is half of that.
    writeFileSync(raw, randomBytes(4 * MiB).toString('hex'))
    truncateSync(raw, 256 * MiB)
    execFileSync('qemu-img', ['convert', '-f', 'raw', '-O', format, ...more, raw, source])
    const info = await imageInfo(source)
    const said = await convertedSize(source, info)
    expect(said).toBeLessThan(16 * MiB)
    for (const to of ['qcow2', 'raw'] as const) {
      const target = join(dir, to)
      await convertImage(source, target, { from: format, to, virtualSize: info['virtual-size'] })
      const taken = statSync(target).blocks * 512
      expect(taken).toBeGreaterThanOrEqual(8 * MiB)
      expect(taken).toBeLessThanOrEqual(said)
    }
  },
)
