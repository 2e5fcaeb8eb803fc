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
import { removeLogs, rotateLog } from './rotate.ts'
import { lastLinesOf, readTail } from './tail.ts'

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

const numberedLines = (from: number, to: number) =>
  Array.from({ length: to - from }, (_, i) => `line ${from + i}\n`).join('')
function readAll(path = log): string {
  const numbers = readdirSync(join(path, '..'))
    .map((n) => /^console\.log\.(\d+)$/.exec(n)?.[1])
    .filter((n) => n !== undefined)
  const rotatedPaths = numbers
    .map(Number)
    .sort((a, b) => b - a)
    .map((n) => `${path}.${n}`)
  return [...rotatedPaths, path].map((p) => readFileSync(p, 'latin1').replace(/^\0+/, '')).join('')
}

test('rotateLog does nothing when there is no log or the log is below the limit', async () => {
  expect(await rotateLog(log, { maxBytes: 10_000 })).toBe(0)
  appendFileSync(log, 'x'.repeat(10_001))
  expect(await rotateLog(log, { maxBytes: 10_000 })).toBe(0)
  expect(readAll()).toHaveLength(10_001)
})

function expectNewestKept(kept: string, written: string, maxBytes: number) {
  expect(written.endsWith(kept)).toBe(true)
  expect(kept.length).toBeGreaterThanOrEqual(Math.min(written.length, maxBytes))
}

describe.each([
  ['collapse (ext4, xfs)', () => dir],
  ['holes (tmpfs)', () => join('/dev/shm', dir.split('/').at(-1) ?? '')],
])('rotateLog on a file system with %s', (_, folderOf) => {
  const maxBytes = 16_384
  let folder: string
  let path: string
  beforeEach(() => {
    folder = folderOf()
    mkdirSync(folder, { recursive: true })
    path = join(folder, 'console.log')
  })
  afterEach(() => rmSync(folder, { recursive: true, force: true }))

  test.each([
    ['less than the limit is', 700],
    ['as much as the limit is', 1700],
    ['twice the limit is', 3400],
    ['far more than the limit is once', 200_000],
  ])('keeps the newest bytes and no more when %s written between two rotations', async (_, lines) => {
    let [written, count, rotations] = ['', 0, 0]
    for (let round = 0; round < 10; round++) {
      const more = numberedLines(count, count + (round === 0 ? lines : Math.min(lines, 3400)))
      count += more.split('\n').length - 1
      written += more
      appendFileSync(path, more)
      const moved = await rotateLog(path, { maxBytes })
      rotations += moved > 0 ? 1 : 0
      expect(moved).toBeLessThanOrEqual(maxBytes)
      expectNewestKept(readAll(path), written, maxBytes)
      expect(statSync(path).blocks * 512).toBeLessThanOrEqual(maxBytes + 8192)
      expect((await readTail(path, { bytes: maxBytes })).toString()).toBe(written.slice(-maxBytes))
    }
    expect(rotations).toBeGreaterThan(1)
    expect(readdirSync(folder).sort()).toEqual(['console.log', 'console.log.0'])
    expect(statSync(`${path}.0`).size).toBeLessThanOrEqual(maxBytes)
    await removeLogs(path)
    expect(readdirSync(folder)).toEqual([])
  })

  test('loses and repeats nothing when a process appends all the time', async () => {
    const code = `const fs = require('node:fs'); const fd = fs.openSync(process.argv[1], 'a'); let n = 0, more = true
      process.stdin.on('end', () => (more = false)).resume()
      const some = () => { for (let i = 0; i < 50; i++) fs.writeSync(fd, 'line ' + n++ + '\\n')
        more ? setImmediate(some) : process.stdout.write(String(n)) }
      some()`
    const writer = spawn(process.execPath, ['-e', code, path], { stdio: ['pipe', 'pipe', 'inherit'] })
    child = writer
    const written = text(writer.stdout)
    for (let rotations = 0; rotations < 12; ) {
      if ((await rotateLog(path, { maxBytes })) === 0) continue
      rotations++
      const lines = readAll(path).split('\n').slice(1, -1)
      const first = Number(lines[0]?.slice(5))
      expect(lines.join('\n')).toBe(numberedLines(first, first + lines.length).trimEnd())
    }
    writer.stdin.end()
    const all = numberedLines(0, Number(await written))
    await rotateLog(path, { maxBytes })
    expectNewestKept(readAll(path), all, maxBytes)
    expect((await readTail(path, { bytes: maxBytes })).toString()).toBe(all.slice(-maxBytes))
  })

  test('keeps the log below the limit when copying fails, as on a full disk', async () => {
    const written = numberedLines(0, 100_000)
    mkdirSync(`${path}.new`)
    writeFileSync(`${path}.0`, 'older')
    writeFileSync(path, written)
    await expect(rotateLog(path, { maxBytes })).rejects.toThrow('EISDIR')
    rmSync(`${path}.new`, { recursive: true })
    expectNewestKept(readAll(path), written, maxBytes)
    expect(statSync(path).blocks * 512).toBeLessThanOrEqual(maxBytes + 8192)
  })
})

describe('rotateLog with files that virtlogd has rotated', () => {
  test('keeps them until the log alone exceeds the limit', async () => {
    const outputs = [numberedLines(0, 900), numberedLines(900, 1800), numberedLines(1800, 2700)]
    for (const [n, output] of outputs.toReversed().entries()) writeFileSync(`${log}.${n}`, output)
    writeFileSync(log, numberedLines(2700, 3000))
    expect((await readTail(log)).toString()).toBe(numberedLines(0, 3000))
    expect(await rotateLog(log, { maxBytes: 8192 })).toBe(0)
    appendFileSync(log, numberedLines(3000, 5000))
    expect(await rotateLog(log, { maxBytes: 8192 })).toBeGreaterThan(0)
    expectNewestKept(readAll(), numberedLines(0, 5000), 8192)
    expect(readdirSync(dir).sort()).toEqual(['console.log', 'console.log.0'])
  })

  test('leaves the log as it is when virtlogd renames it during the copy', async () => {
    const output = numberedLines(0, 1_500_000)
    writeFileSync(log, output)
    const rotation = rotateLog(log, { maxBytes: 12 * 1024 ** 2 })
    while (!existsSync(`${log}.new`)) await turn()
    renameSync(log, `${log}.0`)
    writeFileSync(log, 'new\n')
    expect(await rotation).toBe(0)
    expect(readdirSync(dir).sort()).toEqual(['console.log', 'console.log.0'])
    expectNewestKept(readAll(), `${output}new\n`, 12 * 1024 ** 2)
  })
})

describe('rotateLog after a crash', () => {
  const output = numberedLines(0, 3000)
  test('cuts the head off without copying it again when the crash came between copy and cut', async () => {
    writeFileSync(`${log}.0`, output.slice(0, 8192))
    writeFileSync(`${log}.cut`, JSON.stringify({ start: 0, end: 8192 }))
    writeFileSync(log, output)
    await rotateLog(log, { maxBytes: 1_000_000 })
    expect(readAll()).toBe(output)
    expect(existsSync(`${log}.cut`)).toBe(false)
  })
  test('cuts nothing more when the crash came between the cut and the removal of its note', async () => {
    writeFileSync(`${log}.0`, output.slice(0, 8192))
    writeFileSync(`${log}.cut`, JSON.stringify({ start: 0, end: 8192 }))
    writeFileSync(log, output.slice(8192))
    await rotateLog(log, { maxBytes: 1_000_000 })
    expect(readAll()).toBe(output)
  })
  test.each(['', '{"start":0'])(
    'starts again when the crash came during the copy and left the note %j',
    async (note) => {
      writeFileSync(`${log}.new`, output.slice(0, 100))
      if (note) writeFileSync(`${log}.cut`, note)
      writeFileSync(log, output)
      expect(await rotateLog(log, { maxBytes: 16_384 })).toBeGreaterThan(0)
      expectNewestKept(readAll(), output, 16_384)
      expect(readdirSync(dir).sort()).toEqual(['console.log', 'console.log.0'])
    },
  )
})

describe('readTail', () => {
  test('goes back into rotated files and stops at the limits of bytes and lines', async () => {
    writeFileSync(`${log}.1`, numberedLines(0, 10))
    writeFileSync(`${log}.0`, numberedLines(10, 20))
    writeFileSync(log, numberedLines(20, 25))
    expect((await readTail(log)).toString()).toBe(numberedLines(0, 25))
    expect((await readTail(log, { lines: 7 })).toString()).toBe(numberedLines(18, 25))
    expect((await readTail(log, { bytes: 10 })).toString()).toBe('3\nline 24\n')
    expect((await readTail(join(dir, 'none.log'))).toString()).toBe('')
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
  ])('lastLinesOf(%j, %d) returns %j', (text, count, lines) => {
    expect(lastLinesOf(Buffer.from(text), count).toString()).toBe(lines)
  })
})
