// The protocol between the benchmark and its clients, which are processes: one task per line on standard input, one
// line as the answer. The clients in Python and Go speak it, too.
import { createInterface } from 'node:readline'

/** `inflight`: calls that run at the same time. `bytes`: how much one stream transfers. */
export type Task =
  | { task: 'calls'; call: string; count: number; inflight: number }
  /** Registers for lifecycle events of libvirt's test driver, and counts them from then on. */
  | { task: 'listen' }
  /** Calls the procedure `version` again and again until `count` events have arrived. */
  | { task: 'events'; count: number; inflight: number }
  | { task: 'download' | 'upload'; bytes: number }

/**
 * `seconds`: wall time. `cpu`: CPU time of the client's process in microseconds. `times`: duration of each call in
 * microseconds.
 */
export interface Cost {
  seconds: number
  cpu: number
  times: number[]
}

/** `body` pushes the duration of each call, in microseconds, to `times`. */
export async function measureCost(body: (times: number[]) => Promise<void>): Promise<Cost> {
  const times: number[] = []
  const cpu = process.cpuUsage()
  const begin = performance.now()
  await body(times)
  const seconds = (performance.now() - begin) / 1000
  const { user, system } = process.cpuUsage(cpu)
  return { seconds, cpu: user + system, times: times.map((time) => Math.round(time * 10) / 10) }
}

export async function serveTasks(run: (task: Task) => Promise<Cost>): Promise<void> {
  console.log('{"ready":true}')
  for await (const line of createInterface(process.stdin)) {
    console.log(JSON.stringify(await run(JSON.parse(line) as Task)))
  }
}
