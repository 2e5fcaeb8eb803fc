// The protocol of a client of the benchmark, which is a process of its own. It reads one task per line from standard
// input and answers each with one line. The clients in Python and Go follow the same protocol.
import { createInterface } from 'node:readline'

/** A task for a client. `inflight` is the number of calls that run at the same time; `bytes` go through one stream. */
export type Task =
  | { task: 'calls'; call: string; count: number; inflight: number }
  /** Registers for lifecycle events of libvirt's test driver, and counts them from then on. */
  | { task: 'listen' }
  /** Makes `version` calls until `count` events have arrived. */
  | { task: 'events'; count: number; inflight: number }
  | { task: 'download' | 'upload'; bytes: number }

/**
 * The cost of a task: its wall time in seconds, the CPU time of the client's process (user and system) in microseconds,
 * and the times of its calls in microseconds.
 */
export interface Cost {
  seconds: number
  cpu: number
  times: number[]
}

/** Runs `body` and measures its cost. `body` adds the time of each call to `times`, in microseconds. */
export async function measureCost(body: (times: number[]) => Promise<void>): Promise<Cost> {
  const times: number[] = []
  const cpu = process.cpuUsage()
  const begin = performance.now()
  await body(times)
  const seconds = (performance.now() - begin) / 1000
  const { user, system } = process.cpuUsage(cpu)
  return { seconds, cpu: user + system, times: times.map((time) => Math.round(time * 10) / 10) }
}

/** Reads tasks from standard input and answers them until standard input ends. */
export async function serveTasks(run: (task: Task) => Promise<Cost>): Promise<void> {
  console.log('{"ready":true}')
  for await (const line of createInterface(process.stdin)) {
    // Only the benchmark writes to this process, so every line is a task.
    console.log(JSON.stringify(await run(JSON.parse(line) as Task)))
  }
}
