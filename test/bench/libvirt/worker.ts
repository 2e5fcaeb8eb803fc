// One client of the benchmark in a process of its own: it reads one task per line and answers each with one line. The
// clients in Python and Go speak the same protocol.
import { createInterface } from 'node:readline'

/** A task for a client. `inflight` calls run at the same time; `bytes` go through one stream. */
export type Task =
  | { task: 'calls'; call: string; count: number; inflight: number }
  /** Registers for lifecycle events of libvirt's test driver and counts them from here on. */
  | { task: 'listen' }
  /** Makes version calls until `count` events have come. */
  | { task: 'events'; count: number; inflight: number }
  | { task: 'download' | 'upload'; bytes: number }

/**
 * Cost of a task: wall time in seconds, CPU time of this process (user and system) and of each call in microseconds.
 */
export interface Cost {
  seconds: number
  cpu: number
  times: number[]
}

/** Runs `body` and measures its cost; `body` adds the times of its calls. */
export async function measureCost(body: (times: number[]) => Promise<void>): Promise<Cost> {
  const times: number[] = []
  const cpu = process.cpuUsage()
  const begin = performance.now()
  await body(times)
  const seconds = (performance.now() - begin) / 1000
  const { user, system } = process.cpuUsage(cpu)
  return { seconds, cpu: user + system, times: times.map((time) => Math.round(time * 10) / 10) }
}

/** Answers tasks until standard input ends. */
export async function serveTasks(run: (task: Task) => Promise<Cost>): Promise<void> {
  console.log('{"ready":true}')
  for await (const line of createInterface(process.stdin)) {
    // Only the benchmark writes to this process, so the line is a task.
    console.log(JSON.stringify(await run(JSON.parse(line) as Task)))
  }
}
