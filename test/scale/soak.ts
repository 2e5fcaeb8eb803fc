/**
 * Constant churn for an hour on a real API server, with the real controller and the real agent code on simulated hosts; the API server is killed now
 * and then. Each minute a line for controller and agents; at the end a straight line through the last two thirds: what lives on the
 * heap, sockets, files and handles must not grow. node test/scale/soak.ts --minutes 60; exits with 1 if anything grows, or is left undone.
 */
import { rmSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { scratchDirectory } from '../rig/scratch.ts'
import { waitUntil } from '../rig/wait-until.ts'
import { churn, type Tally } from './churn.ts'
import { Every } from './every.ts'
import { makeProjects } from './projects.ts'
import { describe, judge, type Sample, sample } from './samples.ts'
import { settled } from './settled.ts'
import { type Stage, startStage } from './stage.ts'

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

const dir = scratchDirectory()
try {
  process.exitCode = (await soak()) ? 0 : 1
} finally {
  rmSync(dir, { recursive: true, force: true })
}

/** True: nothing grew, nothing was left undone. */
async function soak(): Promise<boolean> {
  const stop = new AbortController()
  await using stage = await startStage({ dir, hosts, inspect: true, log: console.error })
  // So few records that their number soon stays the same; a lease that outlives the API server's absence, for what
  // is looked at is one process.
  await stage.startController('--action-record-count', '1', '--lease-seconds', '240')
  await stage.startFleets()
  const projects = await makeProjects(stage.kube, 4)
  const tally: Tally = { done: {}, failed: {} }
  const options = { kube: stage.kube, projects, hosts, servers: Number(values.servers) }
  const churning = churn({ ...options, perSecond: Number(values['per-second']) }, tally, stop.signal)
  const samples = await sampleAll(stage)
  stop.abort(new Error('the time is over'))
  await churning
  console.log(`operations: ${JSON.stringify(tally)}`)
  const undone = await settled(stage.kube, hosts)
  for (const line of undone.slice(0, 20)) console.log(`NOT SETTLED ${line}`)
  const verdicts = judge(samples.slice(Math.floor(samples.length / 3)))
  for (const { line } of verdicts) console.log(line)
  return undone.length === 0 && verdicts.every(({ grows }) => !grows)
}

async function sampleAll(stage: Stage): Promise<Sample[]> {
  const every = new Every(60_000)
  const samples: Sample[] = []
  for (let minute = 1; minute <= minutes; minute++) {
    await every.next()
    stage.mustLive()
    const taken = await sample([...stage.parts.values()], minute)
    samples.push(taken)
    console.log(describe(taken))
    if (minute % killEvery === 0 && minute < minutes - 1) {
      await stage.plane.kill('kube-apiserver')
      const back = async (): Promise<boolean> => stage.plane.start().then(() => true)
      await waitUntil(back, { what: 'the API server to be back', deadline: 300_000 })
      console.log(`minute ${minute}: the API server was killed, and is back`)
    }
  }
  return samples
}
