import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { cachedProbeResult, type ProbeVerdict } from './probe-kvm.ts'

let dir: string
let probes: number
const countingProbe = (verdict: ProbeVerdict) => async (): Promise<ProbeVerdict> => {
  probes++
  return verdict
}

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'kubenova-kvm-'))
  probes = 0
})
afterEach(() => rmSync(dir, { recursive: true, force: true }))

it.each<[ProbeVerdict, ProbeVerdict]>([
  ['works', 'useless'],
  ['useless', 'works'],
])('cachedProbeResult probes once for each version of QEMU (%s)', async (first, next) => {
  expect(await cachedProbeResult(dir, '7.2', countingProbe(first))).toBe(first)
  expect(await cachedProbeResult(dir, '7.2', countingProbe(next))).toBe(first)
  expect(probes).toBe(1)
  expect(await cachedProbeResult(dir, '8.0', countingProbe(next))).toBe(next)
  expect(probes).toBe(2)
})

it('cachedProbeResult probes again after a boot of the host, and when its file was cut short', async () => {
  await cachedProbeResult(dir, '7.2', countingProbe('works'))
  writeFileSync(join(dir, 'probe/kvm.json'), JSON.stringify({ boot: 'another', qemu: '7.2', works: true }))
  expect(await cachedProbeResult(dir, '7.2', countingProbe('useless'))).toBe('useless')
  writeFileSync(join(dir, 'probe/kvm.json'), '{"boot"')
  expect(await cachedProbeResult(dir, '7.2', countingProbe('works'))).toBe('works')
  expect(probes).toBe(3)
})

it('cachedProbeResult does not cache a refusal: the host may have had no memory just then', async () => {
  expect(await cachedProbeResult(dir, '7.2', async () => 'refused')).toBe('refused')
  expect(await cachedProbeResult(dir, '7.2', countingProbe('works'))).toBe('works')
})

it('cachedProbeResult caches nothing when the probe throws', async () => {
  await expect(cachedProbeResult(dir, '7.2', () => Promise.reject(new Error('no connection')))).rejects.toThrow(
    'no connection',
  )
  expect(await cachedProbeResult(dir, '7.2', countingProbe('works'))).toBe('works')
})
