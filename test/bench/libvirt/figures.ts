// What is measured in a round, and how the rounds become a line: medians, and ratios of the same round.
import type { Measured, Task } from './worker.ts'

/** A figure that a measurement gives. `better`: a ratio above 1 is always to our disadvantage. */
interface Figure {
  suffix: string
  unit: string
  better: 'lower' | 'higher'
  of: (measured: Measured) => number
}

export interface Workload {
  name: string
  task: Task
  figures: readonly Figure[]
}

const at = (q: number) => (times: readonly number[]) => {
  const sorted = times.toSorted((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * q))] ?? Number.NaN
}
const median = at(0.5)

const perCall = (m: Measured) => m.cpu / m.times.length
const rate = (m: Measured) => m.times.length / m.seconds
const p50: Figure = { suffix: '.p50', unit: 'us', better: 'lower', of: (m) => median(m.times) }
const p99: Figure = { suffix: '.p99', unit: 'us', better: 'lower', of: (m) => at(0.99)(m.times) }
const cpu: Figure = { suffix: '.cpu', unit: 'us/call', better: 'lower', of: perCall }
const rps: Figure = { suffix: '', unit: 'calls/s', better: 'higher', of: rate }

function latency(call: string, count: number): Workload {
  const task = { task: 'calls', call, count, inflight: 1 } as const
  return { name: `libvirt.latency.${call}`, task, figures: [p50, p99, cpu] }
}

function throughput(call: string, inflight: number, count: number): Workload {
  const task = { task: 'calls', call, count, inflight } as const
  return { name: `libvirt.rps.${call}.${inflight}`, task, figures: [rps, cpu] }
}

function transfer(task: 'download' | 'upload', bytes: number): Workload {
  const speed: Figure = { suffix: '', unit: 'MB/s', better: 'higher', of: (m) => bytes / m.seconds / 1e6 }
  const spent: Figure = { suffix: '.cpu', unit: 'ms', better: 'lower', of: (m) => m.cpu / 1000 }
  return { name: `libvirt.stream.${task}`, task: { task, bytes }, figures: [speed, spent] }
}

export const volumeBytes = 128 << 20

/** What each client does in each round; the counts times `scale`. */
export function workloads(scale: number): Workload[] {
  const n = (count: number) => Math.max(64, Math.round(count * scale))
  return [
    ...['version', 'lookup', 'info'].map((call) => latency(call, n(2000))),
    latency('dumpxml', n(1000)),
    ...['capabilities', 'list', 'stats'].map((call) => latency(call, n(300))),
    ...[1, 8, 64].map((inflight) => throughput('version', inflight, n(4000))),
    ...[8, 64].map((inflight) => throughput('info', inflight, n(4000))),
    throughput('capabilities', 8, n(300)),
    throughput('list', 8, n(600)),
    transfer('download', volumeBytes),
    transfer('upload', volumeBytes),
  ]
}

/** Events until `count` of them have come, amid calls. */
export function eventWorkload(count: number): Workload {
  const task = { task: 'events', count, inflight: 8 } as const
  const events: Figure = { suffix: '', unit: 'events/s', better: 'higher', of: (m) => count / m.seconds }
  const calls: Figure = { suffix: '.calls', unit: 'calls/s', better: 'higher', of: rate }
  return { name: 'libvirt.events', task, figures: [events, calls] }
}

/** `name value unit`, and each rival's value with, in parentheses, how many times worse we are (below 1: better). */
export function lines({ name, figures }: Workload, rounds: ReadonlyMap<string, Measured>[]): string[] {
  const clients = [...new Set(rounds.flatMap((round) => [...round.keys()]))]
  return figures.map(({ suffix, unit, better, of }) => {
    const values = (client: string) =>
      rounds.map((round) => {
        const measured = round.get(client)
        return measured ? of(measured) : Number.NaN
      })
    const mine = values('ours')
    const show = (client: string) => {
      const theirs = values(client)
      const worse = mine.map((value, i) => (better === 'lower' ? value / (theirs[i] ?? 0) : (theirs[i] ?? 0) / value))
      return `${client} ${number(median(theirs))} (${median(worse).toFixed(2)})`
    }
    const others = clients.filter((client) => client !== 'ours').map(show)
    return [`${name}${suffix} ${number(median(mine))} ${unit}`, ...others].join('  ')
  })
}

function number(value: number): string {
  return value.toFixed(value < 1000 ? 1 : 0)
}
