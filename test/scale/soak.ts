/**
 * Soak test: churn (churn.ts) for an hour on a real API server, which is killed now and then, with the real controller
 * and real agent code on simulated hosts. Exits with 1 if a Server does not become Ready, or if live heap, sockets,
 * files or handles have grown in the last two thirds of the time.
 * Usage: node test/scale/soak.ts [--minutes 60] [--hosts 40] [--servers 400] [--per-second 2] [--kill-every 7]
 */
import { rmSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { createScratchDirectory } from '../rig/scratch.ts'
import { waitUntil } from '../rig/wait-until.ts'
import { runChurn, type Tally } from './churn.ts'
import { createProjects } from './projects.ts'
import { formatSample, judgeGrowth, type Sample, takeSample } from './samples.ts'
import { type ScaleCloud, startScaleCloud } from './scale-cloud.ts'
import { Ticker } from './ticker.ts'
import { enableHosts, waitUntilServersSettle } from './unsettled-servers.ts'

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '60' },
    hosts: { type: 'string', default: '40' },
    servers: { type: 'string', default: '400' },
    'per-second': { type: 'string', default: '2' },
    'kill-every': { type: 'string', default: '7' },
  },
})
const minutes = Number(values.minutes)
const hosts = Number(values.hosts)
const killEvery = Number(values['kill-every'])

const dir = createScratchDirectory()
try {
  process.exitCode = (await soak()) ? 0 : 1
} finally {
  rmSync(dir, { recursive: true, force: true })
}

async function soak(): Promise<boolean> {
  const stop = new AbortController()
  await using cloud = await startScaleCloud({ dir, hosts, inspect: true, log: console.error })
  // One action record per Server keeps the number of records constant, so that their memory does not look like a leak.
  // The Lease must outlast each outage of the API server; otherwise the controller would exit.
  await cloud.startController('--action-record-count', '1', '--lease-seconds', '240')
  await cloud.startFleets()
  const projects = await createProjects(cloud.kube, 4)
  const tally: Tally = { done: {}, failed: {} }
  const options = { kube: cloud.kube, projects, hosts, servers: Number(values.servers) }
  const churning = runChurn({ ...options, perSecond: Number(values['per-second']) }, tally, stop.signal)
  const samples = await sampleAll(cloud)
  stop.abort(new Error('the time is over'))
  await churning
  console.log(`operations: ${JSON.stringify(tally)}`)
  await enableHosts(cloud.kube)
  const unsettled = await waitUntilServersSettle(cloud.kube)
  for (const line of unsettled.slice(0, 20)) console.log(`NOT SETTLED ${line}`)
  const verdicts = judgeGrowth(samples.slice(Math.floor(samples.length / 3)))
  for (const { line } of verdicts) console.log(line)
  return unsettled.length === 0 && verdicts.every(({ grows }) => !grows)
}

async function sampleAll(cloud: ScaleCloud): Promise<Sample[]> {
  const ticker = new Ticker(60_000)
  const samples: Sample[] = []
  for (let minute = 1; minute <= minutes; minute++) {
    await ticker.nextTick()
    cloud.assertAllAlive()
    const newest = await takeSample([...cloud.processes.values()], minute)
    samples.push(newest)
    console.log(formatSample(newest))
    if (minute % killEvery === 0 && minute < minutes - 1) {
      await cloud.plane.kill('kube-apiserver')
      const restart = async (): Promise<boolean> => cloud.plane.start().then(() => true)
      await waitUntil(restart, { what: 'the API server to be back', deadline: 300_000 })
      console.log(`minute ${minute}: the API server was killed, and is back`)
    }
  }
  return samples
}
