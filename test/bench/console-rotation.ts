/**
 * Rotates a console log of 100 MB while a writer appends to it, in three ways: the agent's, which cuts off the head; and copying the newest part or
 * all of it before truncating, as logrotate's copytruncate does. Prints `name value unit`.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { open } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { rotateLog } from '../../agent/console/rotate.ts'
import { median, printFigure } from './lib/figures.ts'

const ROUNDS = 50
const LOG_BYTES = 100e6
const KEPT_BYTES = 4 * 1024 ** 2

const directory = mkdtempSync(join(tmpdir(), 'console-rotation-'))
const log = join(directory, 'console.log')

/** Appends numbered lines through one descriptor, as QEMU does, until its standard input ends; then prints how many lines it wrote. */
const WRITER = `const fs = require('node:fs'); const fd = fs.openSync(process.argv[1], 'a'); let n = 0, more = true
  process.stdin.on('end', () => (more = false)).resume()
  const some = () => { for (let i = 0; i < 10; i++) fs.writeSync(fd, 'line ' + n++ + '\\n')
    more ? setImmediate(some) : process.stdout.write(String(n)) }
  some()`

/** Copies the newest `bytes` of the log until nothing more comes, then truncates it: what is written between the two is lost. */
async function copyAndTruncate(bytes: number): Promise<void> {
  await using file = await open(log, 'r+')
  await using copy = await open(`${log}.0`, 'w')
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

async function measure(way: () => Promise<void>): Promise<Round> {
  writeFileSync(log, `${'x'.repeat(99)}\n`.repeat(LOG_BYTES / 100))
  const writer = spawn(process.execPath, ['-e', WRITER, log], { stdio: ['pipe', 'pipe', 'inherit'] })
  const written = text(writer.stdout)
  while (statSync(log).size === LOG_BYTES) await new Promise((resolve) => setImmediate(resolve))
  const begin = performance.now()
  await way()
  const milliseconds = performance.now() - begin
  const copied = statSync(`${log}.0`).size
  await stop(writer)
  const kept = (readFileSync(`${log}.0`, 'latin1') + readFileSync(log, 'latin1')).match(/^line \d+$/gm)?.length ?? 0
  for (const name of [log, `${log}.0`]) rmSync(name)
  return { milliseconds, copied, lost: Number(await written) - kept }
}

async function stop(writer: ChildProcess): Promise<void> {
  writer.stdin?.end()
  await once(writer, 'close')
}

const ways = {
  cut_head: async () => void (await rotateLog(log, { maxBytes: KEPT_BYTES })),
  copy_newest: () => copyAndTruncate(KEPT_BYTES),
  copy_all: () => copyAndTruncate(Number.POSITIVE_INFINITY),
}

try {
  const rounds = Object.entries(ways).map(([name, way]) => ({ name, way, measured: [] as Round[] }))
  for (let i = 0; i < ROUNDS; i++) for (const { way, measured } of rounds) measured.push(await measure(way))
  for (const { name, measured } of rounds) {
    printFigure(`console.rotate.${name}.p50`, median(measured.map((round) => round.milliseconds)), 'ms')
    printFigure(`console.rotate.${name}.copied`, median(measured.map((round) => round.copied)) / 1e6, 'MB')
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
