import { type ChildProcess, spawn } from 'node:child_process'
import {
  appendFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
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
  expect(await rotate(log, { maxBytes: 10_000, maxFiles: 2 })).toBe(0)
  appendFileSync(log, 'x'.repeat(5000))
  expect(await rotate(log, { maxBytes: 10_000, maxFiles: 2 })).toBe(0)
  expect(whole()).toHaveLength(5000)
})

test('rotated files are kept up to their number, in order', async () => {
  for (let n = 0; n < 5; n++) {
    appendFileSync(log, numbered(n * 2000, (n + 1) * 2000))
    expect(await rotate(log, { maxBytes: 8192, maxFiles: 2 })).toBeGreaterThan(8192)
  }
  expect(readdirSync(dir).sort()).toEqual(['console.log', 'console.log.1', 'console.log.2'])
  const kept = whole()
  expect(numbered(0, 10_000).endsWith(kept)).toBe(true)
  expect(kept.length).toBeGreaterThan(20_000)
  await removeLogs(log)
  expect(readdirSync(dir)).toEqual([])
})

describe.each([
  ['collapse (ext4, xfs)', () => dir],
  ['holes (tmpfs)', () => join('/dev/shm', dir.split('/').at(-1) ?? '')],
])('%s', (_, place) => {
  test('nothing is lost or doubled while a writer appends all the time', async () => {
    const folder = place()
    mkdirSync(folder, { recursive: true })
    const path = join(folder, 'console.log')
    // As QEMU does: one descriptor, O_APPEND, never opened again.
    const code = `const fs = require('node:fs'); const fd = fs.openSync(process.argv[1], 'a'); let n = 0, more = true
      process.stdin.on('end', () => (more = false)).resume()
      const some = () => { for (let i = 0; i < 50; i++) fs.writeSync(fd, 'line ' + n++ + '\\n')
        more ? setImmediate(some) : process.stdout.write(String(n)) }
      some()`
    const writer = spawn(process.execPath, ['-e', code, path], { stdio: ['pipe', 'pipe', 'inherit'] })
    child = writer
    const written = text(writer.stdout)
    const limits = { maxBytes: 16_384, maxFiles: 10_000 }
    for (let rotations = 0; rotations < 6; ) rotations += (await rotate(path, limits)) > 0 ? 1 : 0
    writer.stdin.end()
    const count = Number(await written)
    await rotate(path, limits)
    expect(whole(path) === numbered(0, count)).toBe(true)
    expect(statSync(path).blocks * 512).toBeLessThanOrEqual(16_384)
    expect((await tail(path, { bytes: 50_000 })).toString()).toBe(numbered(0, count).slice(-50_000))
    rmSync(folder, { recursive: true, force: true })
  })
})

describe('after a crash', () => {
  const before = numbered(0, 3000)
  test('between copy and cut: the head is cut, not copied again', async () => {
    writeFileSync(`${log}.1`, before.slice(0, 8192))
    writeFileSync(`${log}.cut`, JSON.stringify({ start: 0, end: 8192 }))
    writeFileSync(log, before)
    await rotate(log, { maxBytes: 1_000_000, maxFiles: 3 })
    expect(whole()).toBe(before)
    expect(existsSync(`${log}.cut`)).toBe(false)
  })
  test('between cut and its end: nothing more is cut', async () => {
    writeFileSync(`${log}.1`, before.slice(0, 8192))
    writeFileSync(`${log}.cut`, JSON.stringify({ start: 0, end: 8192 }))
    writeFileSync(log, before.slice(8192))
    await rotate(log, { maxBytes: 1_000_000, maxFiles: 3 })
    expect(whole()).toBe(before)
  })
  test.each(['', '{"start":0'])('within the copy (note: %j): it is done anew', async (note) => {
    writeFileSync(`${log}.new`, before.slice(0, 100))
    if (note) writeFileSync(`${log}.cut`, note)
    writeFileSync(log, before)
    expect(await rotate(log, { maxBytes: 8192, maxFiles: 3 })).toBeGreaterThan(0)
    expect(whole()).toBe(before)
    expect(readdirSync(dir).sort()).toEqual(['console.log', 'console.log.1'])
  })
})

describe('tail', () => {
  test('goes back over the border, and stops at bytes and lines', async () => {
    writeFileSync(`${log}.2`, numbered(0, 10))
    writeFileSync(`${log}.1`, numbered(10, 20))
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
