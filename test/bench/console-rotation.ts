/**
 * Compares three ways to rotate a console log of 100 MB while a writer appends to it. The agent cuts off the head of
 * the file. The two others copy, then truncate: one only the newest part, the other everything, as logrotate's
 * copytruncate does. Prints lines `name value unit`.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { open } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { rotateLog } from '../../agent/console/rotate.ts'
import { medianOf, printFigure } from './lib/figures.ts'

const ROUNDS = 50
const LOG_BYTES = 100e6
const KEPT_BYTES = 4 * 1024 ** 2

const directory = mkdtempSync(join(tmpdir(), 'console-rotation-'))
const logFile = join(directory, 'console.log')

/**
 * Appends numbered lines through one file descriptor, as QEMU does. When its standard input ends, it prints how many
 * lines it wrote.
 */
const WRITER_SCRIPT = `const fs = require('node:fs'); const fd = fs.openSync(process.argv[1], 'a'); let n = 0, more = true
  process.stdin.on('end', () => (more = false)).resume()
  const some = () => { for (let i = 0; i < 10; i++) fs.writeSync(fd, 'line ' + n++ + '\\n')
    more ? setImmediate(some) : process.stdout.write(String(n)) }
  some()`

/** A line written between copy and truncation is lost. */
async function copyAndTruncate(bytes: number): Promise<void> {
  await using file = await open(logFile, 'r+')
  await using copy = await open(`${logFile}.0`, 'w')
  const buffer = Buffer.alloc(256 * 1024)
  let position = Math.max(0, (await file.stat()).size - bytes)
  for (;;) {
    const { bytesRead } = await file.read(buffer, 0, buffer.length, position)
    if (bytesRead === 0) break
    await copy.writeFile(buffer.subarray(0, bytesRead))
    position += bytesRead
  }
  await file.truncate(0)
}

interface Round {
  milliseconds: number
  copied: number
  lost: number
}

async function measure(rotateLog: () => Promise<void>): Promise<Round> {
  writeFileSync(logFile, `${'x'.repeat(99)}\n`.repeat(LOG_BYTES / 100))
  const writer = spawn(process.execPath, ['-e', WRITER_SCRIPT, logFile], { stdio: ['pipe', 'pipe', 'inherit'] })
  const written = text(writer.stdout)
  while (statSync(logFile).size === LOG_BYTES) await new Promise((resolve) => setImmediate(resolve))
  const begin = performance.now()
  await rotateLog()
  const milliseconds = performance.now() - begin
  const copied = statSync(`${logFile}.0`).size
  await stopWriter(writer)
  const kept =
    (readFileSync(`${logFile}.0`, 'latin1') + readFileSync(logFile, 'latin1')).match(/^line \d+$/gm)?.length ?? 0
  for (const name of [logFile, `${logFile}.0`]) rmSync(name)
  return { milliseconds, copied, lost: Number(await written) - kept }
}

async function stopWriter(writer: ChildProcess): Promise<void> {
  writer.stdin?.end()
  await once(writer, 'close')
}

const methods = {
  cut_head: async () => void (await rotateLog(logFile, { maxBytes: KEPT_BYTES })),
  copy_newest: () => copyAndTruncate(KEPT_BYTES),
  copy_all: () => copyAndTruncate(Number.POSITIVE_INFINITY),
}

try {
  const rounds = Object.entries(methods).map(([name, method]) => ({ name, method, measured: [] as Round[] }))
  for (let i = 0; i < ROUNDS; i++) for (const { method, measured } of rounds) measured.push(await measure(method))
  for (const { name, measured } of rounds) {
    printFigure(`console.rotate.${name}.p50`, medianOf(measured.map((round) => round.milliseconds)), 'ms')
    printFigure(`console.rotate.${name}.copied`, medianOf(measured.map((round) => round.copied)) / 1e6, 'MB')
    printFigure(
      `console.rotate.${name}.lossy`,
      measured.filter((round) => round.lost > 0).length,
      `of ${ROUNDS} rotations`,
    )
    printFigure(`console.rotate.${name}.lost.max`, Math.max(...measured.map((round) => round.lost)), 'lines')
  }
} finally {
  rmSync(directory, { recursive: true })
}
