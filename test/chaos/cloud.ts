// A cloud whose controller and agent have gates.
import { join } from 'node:path'
import { cacheDirectory } from '../rig/binaries.ts'
import { type Cloud, type Program, startCloud } from '../rig/cloud.ts'
import { furnish } from '../rig/furnish.ts'
import { run } from '../rig/process.ts'
import { Api } from './api.ts'
import { GATE } from './gate.ts'
import { type Gatekeeper, openGatekeeper } from './gatekeeper.ts'

const socketOf = (dir: string): string => join(dir, 'gate.sock')

export interface GatedCloud {
  dir: string
  cloud: Cloud
  gates: Gatekeeper
  stop(): Promise<void>
}

/** A controller that is killed leaves a lease behind: what comes after waits for no longer than this. */
const LEASE_SECONDS = 4
/** One server is told hundreds of stories: a record that went because it was old would look lost. */
const RECORDS = 5000
/** What a host has promised is looked at as soon as all is at rest. */
const HOST_STATUS_SECONDS = 1

const flags = Object.entries({
  'lease-seconds': LEASE_SECONDS,
  'record-count': RECORDS,
  'host-status-seconds': HOST_STATUS_SECONDS,
}).flatMap(([flag, value]) => [`--${flag}`, `${value}`])

/** @param dir short, for the sockets in it */
export async function startGatedCloud(dir: string, log?: (line: string) => void): Promise<GatedCloud> {
  const gates = await openGatekeeper(socketOf(dir))
  try {
    const programs = {
      controller: await gated('controller', dir, ...flags),
      // One server's QEMU is killed again and again, by us.
      agent: await gated('agent', dir, '--restart-delay-seconds', '0'),
    }
    const cloud = await startCloud({ dir, owned: true, programs, ...(log ? { log } : {}) })
    await furnish(cloud)
    await addBlank(cloud)
    const stop = async (): Promise<void> => {
      await cloud.stop()
      await gates[Symbol.asyncDispose]()
    }
    return { dir, cloud, gates, stop }
  } catch (error) {
    await gates[Symbol.asyncDispose]()
    throw error
  }
}

/** An image that nothing boots from: the firmware says so and halts, and leaves the machine's time to the others. */
async function addBlank(cloud: Cloud): Promise<void> {
  for (const host of cloud.hosts.values())
    await run(['qemu-img', 'create', '-q', '-f', 'qcow2', join(host.home, 'var/lib/kubenova/images/blank.qcow2'), '1M'])
  await new Api(cloud.plane.api).addImage('blank', 'file:///var/lib/kubenova/images/blank.qcow2')
}

/** Compiled once by asking for its help: a process that is killed leaves no cache, and half of a start's time is compiling. */
async function gated(name: 'controller' | 'agent', dir: string, ...args: string[]): Promise<Required<Program>> {
  const file = join(import.meta.dirname, `gated-${name}.ts`)
  const env = { [GATE]: socketOf(dir), NODE_COMPILE_CACHE: join(cacheDirectory(), '../compiled') }
  await run([process.execPath, file, '--help'], { env })
  return { file, args, env }
}
