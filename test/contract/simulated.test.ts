// In the simulator a call and its result are messages, and a schedule decides when each is delivered.
import { setImmediate as nextTurn } from 'node:timers/promises'
import type { Host } from '../../actions/host/index.ts'
import { wrapHost } from '../../actions/host/wrap.ts'
import type { ClusterComponents } from '../../agent/components.ts'
import { Channels } from '../../kube/channel.ts'
import { SimulatedHost } from '../sim/host.ts'
import { Process } from '../sim/process.ts'
import { Random } from '../sim/random.ts'
import { Schedule } from '../sim/schedule.ts'
import { Time } from '../sim/time.ts'
import { describeContracts } from './contracts.ts'
import { MemoryContractHost } from './memory-host.ts'

const random = new Random(1)
const time = new Time()
const context = { time, schedule: new Schedule(time, random), random, weightOf: () => 1 }
const simulated = new SimulatedHost('h1', { vcpus: 64, ram: 65_536, disk: 1000 }, () => undefined)
let processCount = 0
let agent: Process | undefined

function connect(): Host {
  agent?.kill()
  processCount += 1
  agent = new Process('h1', processCount, context)
  const cluster = { hostName: 'h1', channels: new Channels() } as unknown as ClusterComponents
  const { host } = simulated.makeComponents(agent, () => undefined, cluster)
  return wrapHost(host, (_, act) => deliverUntilSettled(act()))
}

async function deliverUntilSettled<T>(call: Promise<T>): Promise<T> {
  const state = { hasEnded: false }
  const ended = call.finally(() => (state.hasEnded = true))
  ended.catch(() => undefined)
  while (!state.hasEnded) {
    context.schedule.deliverNext()
    await nextTurn()
  }
  return ended
}

const host = new MemoryContractHost(simulated.machines, connect)

describeContracts(() => host)
