// One client of the bench as a process of its own: takes a task a line, answers each with a line. Rivals speak the same.
import { createInterface } from 'node:readline'

/** What a client can be asked for. `inflight` calls are under way at a time; `bytes` go through one stream. */
export type Task =
  | { task: 'calls'; call: string; count: number; inflight: number }
  /** Registers for lifecycle events of libvirt's test driver and counts them from here on. */
  | { task: 'listen' }
  /** Makes version calls until `count` events have come. */
  | { task: 'events'; count: number; inflight: number }
  | { task: 'download' | 'upload'; bytes: number }

/** Wall seconds, processor microseconds of this process (user and system), and each call's microseconds. */
export interface Measured {
  seconds: number
  cpu: number
  times: number[]
}

/** Runs `body` and adds what it cost. */
export async function measured(body: (times: number[]) => Promise<void>): Promise<Measured> {
  const times: number[] = []
  const cpu = process.cpuUsage()
  const begin = performance.now()
  await body(times)
  const seconds = (performance.now() - begin) / 1000
  const { user, system } = process.cpuUsage(cpu)
  return { seconds, cpu: user + system, times: times.map((time) => Math.round(time * 10) / 10) }
}

/** Answers tasks until standard input ends. */
export async function serve(run: (task: Task) => Promise<Measured>): Promise<void> {
  console.log('{"ready":true}')
  for await (const line of createInterface(process.stdin)) {
    // The bench wrote the line: it is a task.
    console.log(JSON.stringify(await run(JSON.parse(line) as Task)))
  }
}
