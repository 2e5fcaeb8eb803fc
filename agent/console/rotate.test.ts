import { type ChildProcess, spawn } from 'node:child_process'
import {
  appendFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { setImmediate as turn } from 'node:timers/promises'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { removeLogs, rotate } from './rotate.ts'
import { lastLines, tail } from './tail.ts'

let dir: string
let log: string
let child: ChildProcess | undefined
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'console-'))
  log = join(dir, 'console.log')
})
afterEach(() => {
  child?.kill('SIGKILL')
  child = undefined
  rmSync(dir, { recursive: true, force: true })
})

const numbered = (from: number, to: number) =>
  Array.from({ length: to - from }, (_, i) => `line ${from + i}\n`).join('')
/** All that is left of the log, oldest first. */
function whole(path = log): string {
  const numbers = readdirSync(join(path, '..'))
    .map((n) => /^console\.log\.(\d+)$/.exec(n)?.[1])
    .filter((n) => n !== undefined)
  const parts = numbers
    .map(Number)
    .sort((a, b) => b - a)
    .map((n) => `${path}.${n}`)
  return [...parts, path].map((p) => readFileSync(p, 'latin1').replace(/^\0+/, '')).join('')
}

test('nothing is due below the limit, or without a log', async () => {
  expect(await rotate(log, { maxBytes: 10_000 })).toBe(0)
  appendFileSync(log, 'x'.repeat(10_001))
  expect(await rotate(log, { maxBytes: 10_000 })).toBe(0)
  expect(whole()).toHaveLength(10_001)
})

/** That what is kept is the end of what was written: in order, without a gap, nothing twice; and is no less than the limit. */
function expectNewest(kept: string, written: string, maxBytes: number) {
  expect(written.endsWith(kept)).toBe(true)
  expect(kept.length).toBeGreaterThanOrEqual(Math.min(written.length, maxBytes))
}

describe.each([
  ['collapse (ext4, xfs)', () => dir],
  ['holes (tmpfs)', () => join('/dev/shm', dir.split('/').at(-1) ?? '')],
])('%s', (_, place) => {
  const maxBytes = 16_384
  let folder: string
  let path: string
  beforeEach(() => {
    folder = place()
    mkdirSync(folder, { recursive: true })
    path = join(folder, 'console.log')
  })
  afterEach(() => rmSync(folder, { recursive: true, force: true }))

  test.each([
    ['little', 700],
    ['as much as the limit', 1700],
    ['twice that', 3400],
    ['a flood, once,', 200_000],
  ])('the newest bytes are kept, and not more, when %s comes between two rounds', async (_, lines) => {
    let [written, count, rotations] = ['', 0, 0]
    for (let round = 0; round < 10; round++) {
      const more = numbered(count, count + (round === 0 ? lines : Math.min(lines, 3400)))
      count += more.split('\n').length - 1
      written += more
      appendFileSync(path, more)
      const moved = await rotate(path, { maxBytes })
      rotations += moved > 0 ? 1 : 0
      expect(moved).toBeLessThanOrEqual(maxBytes)
      expectNewest(whole(path), written, maxBytes)
      expect(statSync(path).blocks * 512).toBeLessThanOrEqual(maxBytes + 8192)
      expect((await tail(path, { bytes: maxBytes })).toString()).toBe(written.slice(-maxBytes))
    }
    expect(rotations).toBeGreaterThan(1)
    expect(readdirSync(folder).sort()).toEqual(['console.log', 'console.log.0'])
    expect(statSync(`${path}.0`).size).toBeLessThanOrEqual(maxBytes)
    await removeLogs(path)
    expect(readdirSync(folder)).toEqual([])
  })

  test('nothing new is lost or doubled while a writer appends all the time', async () => {
    // As QEMU does: one descriptor, O_APPEND, never opened again.
    const code = `const fs = require('node:fs'); const fd = fs.openSync(process.argv[1], 'a'); let n = 0, more = true
      process.stdin.on('end', () => (more = false)).resume()
      const some = () => { for (let i = 0; i < 50; i++) fs.writeSync(fd, 'line ' + n++ + '\\n')
        more ? setImmediate(some) : process.stdout.write(String(n)) }
      some()`
    const writer = spawn(process.execPath, ['-e', code, path], { stdio: ['pipe', 'pipe', 'inherit'] })
    child = writer
    const written = text(writer.stdout)
    for (let rotations = 0; rotations < 12; ) {
      if ((await rotate(path, { maxBytes })) === 0) continue
      rotations++
      // All that is there but the last line, which may be half written, and the first, which may be half gone.
      const lines = whole(path).split('\n').slice(1, -1)
      const first = Number(lines[0]?.slice(5))
      expect(lines.join('\n')).toBe(numbered(first, first + lines.length).trimEnd())
    }
    writer.stdin.end()
    const all = numbered(0, Number(await written))
    await rotate(path, { maxBytes })
    expectNewest(whole(path), all, maxBytes)
    expect((await tail(path, { bytes: maxBytes })).toString()).toBe(all.slice(-maxBytes))
  })

  test('where nothing can be copied, for the disk is full, the log still does not grow', async () => {
    const written = numbered(0, 100_000)
    mkdirSync(`${path}.new`)
    writeFileSync(`${path}.0`, 'older')
    writeFileSync(path, written)
    await expect(rotate(path, { maxBytes })).rejects.toThrow('EISDIR')
    rmSync(`${path}.new`, { recursive: true })
    expectNewest(whole(path), written, maxBytes)
    expect(statSync(path).blocks * 512).toBeLessThanOrEqual(maxBytes + 8192)
  })
})

describe('of virtlogd, which renames', () => {
  test('files are read, and are too old when the log has enough', async () => {
    const parts = [numbered(0, 900), numbered(900, 1800), numbered(1800, 2700)]
    for (const [n, part] of parts.toReversed().entries()) writeFileSync(`${log}.${n}`, part)
    writeFileSync(log, numbered(2700, 3000))
    expect((await tail(log)).toString()).toBe(numbered(0, 3000))
    expect(await rotate(log, { maxBytes: 8192 })).toBe(0)
    appendFileSync(log, numbered(3000, 5000))
    expect(await rotate(log, { maxBytes: 8192 })).toBeGreaterThan(0)
    expectNewest(whole(), numbered(0, 5000), 8192)
    expect(readdirSync(dir).sort()).toEqual(['console.log', 'console.log.0'])
  })

  test('a log that it renames meanwhile is left as it is', async () => {
    const before = numbered(0, 1_500_000)
    writeFileSync(log, before)
    const done = rotate(log, { maxBytes: 12 * 1024 ** 2 })
    while (!existsSync(`${log}.new`)) await turn()
    renameSync(log, `${log}.0`)
    writeFileSync(log, 'new\n')
    expect(await done).toBe(0)
    expect(readdirSync(dir).sort()).toEqual(['console.log', 'console.log.0'])
    expectNewest(whole(), `${before}new\n`, 12 * 1024 ** 2)
  })
})

describe('after a crash', () => {
  const before = numbered(0, 3000)
  test('between copy and cut: the head is cut, not copied again', async () => {
    writeFileSync(`${log}.0`, before.slice(0, 8192))
    writeFileSync(`${log}.cut`, JSON.stringify({ start: 0, end: 8192 }))
    writeFileSync(log, before)
    await rotate(log, { maxBytes: 1_000_000 })
    expect(whole()).toBe(before)
    expect(existsSync(`${log}.cut`)).toBe(false)
  })
  test('between cut and its end: nothing more is cut', async () => {
    writeFileSync(`${log}.0`, before.slice(0, 8192))
    writeFileSync(`${log}.cut`, JSON.stringify({ start: 0, end: 8192 }))
    writeFileSync(log, before.slice(8192))
    await rotate(log, { maxBytes: 1_000_000 })
    expect(whole()).toBe(before)
  })
  test.each(['', '{"start":0'])('within the copy (note: %j): it is done anew', async (note) => {
    writeFileSync(`${log}.new`, before.slice(0, 100))
    if (note) writeFileSync(`${log}.cut`, note)
    writeFileSync(log, before)
    expect(await rotate(log, { maxBytes: 16_384 })).toBeGreaterThan(0)
    expectNewest(whole(), before, 16_384)
    expect(readdirSync(dir).sort()).toEqual(['console.log', 'console.log.0'])
  })
})

describe('tail', () => {
  test('goes back over the border, and stops at bytes and lines', async () => {
    writeFileSync(`${log}.1`, numbered(0, 10))
    writeFileSync(`${log}.0`, numbered(10, 20))
    writeFileSync(log, numbered(20, 25))
    expect((await tail(log)).toString()).toBe(numbered(0, 25))
    expect((await tail(log, { lines: 7 })).toString()).toBe(numbered(18, 25))
    expect((await tail(log, { bytes: 10 })).toString()).toBe('3\nline 24\n')
    expect((await tail(join(dir, 'none.log'))).toString()).toBe('')
  })
  test.each([
    ['a\nb\nc\n', 2, 'b\nc\n'],
    ['a\nb\nc', 2, 'b\nc'],
    ['a\n\n', 1, '\n'],
    ['\na', 1, 'a'],
    ['a', 5, 'a'],
    ['\n', 1, '\n'],
    ['', 1, ''],
    ['a\nb\n', 0, ''],
    ['a\nb\n', Number.POSITIVE_INFINITY, 'a\nb\n'],
  ])('last lines of %j, %d', (log, count, end) => {
    expect(lastLines(Buffer.from(log), count).toString()).toBe(end)
  })
})
