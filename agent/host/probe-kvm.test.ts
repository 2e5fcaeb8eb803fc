import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { cachedProbeResult, type ProbeVerdict } from './probe-kvm.ts'

let dir: string
let probes: number
const countingProbe = (works: boolean) => async (): Promise<ProbeVerdict> => {
  probes++
  return works ? 'works' : 'useless'
}

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'kubenova-kvm-'))
  probes = 0
})
afterEach(() => rmSync(dir, { recursive: true, force: true }))

it.each([true, false])('cachedProbeResult probes once for each version of QEMU (KVM works: %s)', async (works) => {
  expect(await cachedProbeResult(dir, '7.2', countingProbe(works))).toBe(works)
  expect(await cachedProbeResult(dir, '7.2', countingProbe(!works))).toBe(works)
  expect(probes).toBe(1)
  expect(await cachedProbeResult(dir, '8.0', countingProbe(!works))).toBe(!works)
  expect(probes).toBe(2)
})

it('cachedProbeResult probes again after a boot of the host, and when its file was cut short', async () => {
  await cachedProbeResult(dir, '7.2', countingProbe(true))
  writeFileSync(join(dir, 'probe/kvm.json'), JSON.stringify({ boot: 'another', qemu: '7.2', works: true }))
  expect(await cachedProbeResult(dir, '7.2', countingProbe(false))).toBe(false)
  writeFileSync(join(dir, 'probe/kvm.json'), '{"boot"')
  expect(await cachedProbeResult(dir, '7.2', countingProbe(true))).toBe(true)
  expect(probes).toBe(3)
})

it('cachedProbeResult does not cache a refusal: the host may have had no memory just then', async () => {
  expect(await cachedProbeResult(dir, '7.2', async () => 'refused')).toBe(false)
  expect(await cachedProbeResult(dir, '7.2', countingProbe(true))).toBe(true)
})

it('cachedProbeResult caches nothing when the probe throws', async () => {
  await expect(cachedProbeResult(dir, '7.2', () => Promise.reject(new Error('no connection')))).rejects.toThrow(
    'no connection',
  )
  expect(await cachedProbeResult(dir, '7.2', countingProbe(true))).toBe(true)
})
