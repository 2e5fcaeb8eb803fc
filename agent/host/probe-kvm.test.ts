import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { remembered, type Verdict } from './probe-kvm.ts'

let dir: string
let probes: number
const probe = (works: boolean) => async (): Promise<Verdict> => {
  probes++
  return works ? 'works' : 'useless'
}

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'kubenova-kvm-'))
  probes = 0
})
afterEach(() => rmSync(dir, { recursive: true, force: true }))

it.each([true, false])('asks once for each QEMU: %s', async (works) => {
  expect(await remembered(dir, '7.2', probe(works))).toBe(works)
  expect(await remembered(dir, '7.2', probe(!works))).toBe(works)
  expect(probes).toBe(1)
  expect(await remembered(dir, '8.0', probe(!works))).toBe(!works)
  expect(probes).toBe(2)
})

it('asks anew after a boot of the host, and when the note was cut short', async () => {
  await remembered(dir, '7.2', probe(true))
  writeFileSync(join(dir, 'probe/kvm.json'), JSON.stringify({ boot: 'another', qemu: '7.2', works: true }))
  expect(await remembered(dir, '7.2', probe(false))).toBe(false)
  writeFileSync(join(dir, 'probe/kvm.json'), '{"boot"')
  expect(await remembered(dir, '7.2', probe(true))).toBe(true)
  expect(probes).toBe(3)
})

it('asks again where it was refused: the host may have had no memory just then', async () => {
  expect(await remembered(dir, '7.2', async () => 'refused')).toBe(false)
  expect(await remembered(dir, '7.2', probe(true))).toBe(true)
})

it('remembers nothing of a probe that failed', async () => {
  await expect(remembered(dir, '7.2', () => Promise.reject(new Error('no connection')))).rejects.toThrow(
    'no connection',
  )
  expect(await remembered(dir, '7.2', probe(true))).toBe(true)
})
