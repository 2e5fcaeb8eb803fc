// A cloud whose controller and agent wait for the test (gate.ts) before and after each change of the host and each API
// write.
import { join } from 'node:path'
import { cacheDirectory } from '../rig/binaries.ts'
import { type Cloud, type Program, startCloud } from '../rig/cloud.ts'
import { placeButtonImage } from '../rig/place-image.ts'
import { runCommand } from '../rig/process.ts'
import { seedCloud } from '../rig/seed-cloud.ts'
import { Api } from './api.ts'
import { GATE_SOCKET_VARIABLE } from './gate.ts'
import { type Gatekeeper, openGatekeeper } from './gatekeeper.ts'

const socketOf = (dir: string): string => join(dir, 'gate.sock')

export interface GatedCloud {
  dir: string
  cloud: Cloud
  gates: Gatekeeper
  stop(): Promise<void>
}

/**
 * Duration of the controller's lease. Short, because the next controller waits until the lease of the killed one has
 * expired.
 */
const LEASE_SECONDS = 4
/**
 * Number of action records that the controller keeps per server. Hundreds of operations run on one server. The number
 * is large, because the checks would report each record that the controller has deleted as missing.
 */
const RECORDS = 5000
/**
 * Shortest time between two writes of a host's usage. Short, because the checks read the usage as soon as the rest has
 * converged.
 */
const HOST_STATUS_SECONDS = 1

const flags = Object.entries({
  'lease-seconds': LEASE_SECONDS,
  'action-record-count': RECORDS,
  'host-status-seconds': HOST_STATUS_SECONDS,
}).flatMap(([flag, value]) => [`--${flag}`, `${value}`])

/** @param dir must be short, because the path of a UNIX socket is limited to about 100 bytes */
export async function startGatedCloud(dir: string, log?: (line: string) => void): Promise<GatedCloud> {
  const gates = await openGatekeeper(socketOf(dir))
  try {
    const programs = {
      controller: await gatedProgram('controller', dir, ...flags),
      // The test kills the same QEMU again and again, and the agent's delays before a restart would grow.
      agent: await gatedProgram('agent', dir, '--restart-delay-seconds', '0'),
    }
    const cloud = await startCloud({ dir, owned: true, programs, ...(log ? { log } : {}) })
    await seedCloud(cloud)
    await new Api(cloud.plane.api).addImage('button', await placeButtonImage(cloud.hosts.values(), 'button'))
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

/**
 * Runs the program once with --help to fill the compile cache of Node.js, which halves the time of later starts. Killed
 * processes do not write the cache.
 */
async function gatedProgram(name: 'controller' | 'agent', dir: string, ...args: string[]): Promise<Required<Program>> {
  const file = join(import.meta.dirname, `gated-${name}.ts`)
  const env = { [GATE_SOCKET_VARIABLE]: socketOf(dir), NODE_COMPILE_CACHE: join(cacheDirectory(), '../compiled') }
  await runCommand([process.execPath, file, '--help'], { env })
  return { file, args, env }
}
