// A workload has a task for the clients, and the figures that are computed from the cost of the task.
import type { Cost, Task } from './worker.ts'

interface Figure {
  suffix: string
  unit: string
  better: 'lower' | 'higher'
  valueOf: (cost: Cost) => number
}

export interface Workload {
  name: string
  task: Task
  figures: readonly Figure[]
}

const quantileOf = (q: number) => (times: readonly number[]) => {
  const sorted = times.toSorted((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * q))] ?? Number.NaN
}
const median = quantileOf(0.5)

const cpuPerCall = (cost: Cost) => cost.cpu / cost.times.length
const callsPerSecond = (cost: Cost) => cost.times.length / cost.seconds
const p50: Figure = { suffix: '.p50', unit: 'us', better: 'lower', valueOf: (cost) => median(cost.times) }
const p99: Figure = { suffix: '.p99', unit: 'us', better: 'lower', valueOf: (cost) => quantileOf(0.99)(cost.times) }
const cpu: Figure = { suffix: '.cpu', unit: 'us/call', better: 'lower', valueOf: cpuPerCall }
const callRate: Figure = { suffix: '', unit: 'calls/s', better: 'higher', valueOf: callsPerSecond }

function makeLatencyWorkload(call: string, count: number): Workload {
  const task = { task: 'calls', call, count, inflight: 1 } as const
  return { name: `libvirt.latency.${call}`, task, figures: [p50, p99, cpu] }
}

function makeThroughputWorkload(call: string, inflight: number, count: number): Workload {
  const task = { task: 'calls', call, count, inflight } as const
  return { name: `libvirt.rps.${call}.${inflight}`, task, figures: [callRate, cpu] }
}

function makeTransferWorkload(task: 'download' | 'upload', bytes: number): Workload {
  const speed: Figure = { suffix: '', unit: 'MB/s', better: 'higher', valueOf: (cost) => bytes / cost.seconds / 1e6 }
  const cpuTime: Figure = { suffix: '.cpu', unit: 'ms', better: 'lower', valueOf: (cost) => cost.cpu / 1000 }
  return { name: `libvirt.stream.${task}`, task: { task, bytes }, figures: [speed, cpuTime] }
}

export const volumeBytes = 128 << 20

/** @param scale multiplies the numbers of calls */
export function listWorkloads(scale: number): Workload[] {
  const scaled = (count: number) => Math.max(64, Math.round(count * scale))
  return [
    ...['version', 'lookup', 'info'].map((call) => makeLatencyWorkload(call, scaled(2000))),
    makeLatencyWorkload('dumpxml', scaled(1000)),
    ...['capabilities', 'list', 'stats'].map((call) => makeLatencyWorkload(call, scaled(300))),
    ...[1, 8, 64].map((inflight) => makeThroughputWorkload('version', inflight, scaled(4000))),
    ...[8, 64].map((inflight) => makeThroughputWorkload('info', inflight, scaled(4000))),
    makeThroughputWorkload('capabilities', 8, scaled(300)),
    makeThroughputWorkload('list', 8, scaled(600)),
    makeTransferWorkload('download', volumeBytes),
    makeTransferWorkload('upload', volumeBytes),
  ]
}

export function makeEventWorkload(count: number): Workload {
  const task = { task: 'events', count, inflight: 8 } as const
  const events: Figure = { suffix: '', unit: 'events/s', better: 'higher', valueOf: (cost) => count / cost.seconds }
  const calls: Figure = { suffix: '.calls', unit: 'calls/s', better: 'higher', valueOf: callsPerSecond }
  return { name: 'libvirt.events', task, figures: [events, calls] }
}

/**
 * One line per figure: our value, then each other client's with a ratio. A ratio below 1 always means that ours is
 * better.
 */
export function formatFigures({ name, figures }: Workload, rounds: ReadonlyMap<string, Cost>[]): string[] {
  const clients = [...new Set(rounds.flatMap((round) => [...round.keys()]))]
  return figures.map(({ suffix, unit, better, valueOf }) => {
    const values = (client: string) =>
      rounds.map((round) => {
        const cost = round.get(client)
        return cost ? valueOf(cost) : Number.NaN
      })
    const ours = values('ours')
    const compareWith = (client: string) => {
      const theirs = values(client)
      const ratios = ours.map((value, i) => (better === 'lower' ? value / (theirs[i] ?? 0) : (theirs[i] ?? 0) / value))
      return `${client} ${formatNumber(median(theirs))} (${median(ratios).toFixed(2)})`
    }
    const others = clients.filter((client) => client !== 'ours').map(compareWith)
    return [`${name}${suffix} ${formatNumber(median(ours))} ${unit}`, ...others].join('  ')
  })
}

function formatNumber(value: number): string {
  return value.toFixed(value < 1000 ? 1 : 0)
}
