// Starts a cloud whose controller and agent have gates (gate.ts).
import { join } from 'node:path'
import { cacheDirectory } from '../rig/binaries.ts'
import { type Cloud, type Program, startCloud } from '../rig/cloud.ts'
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

/** A killed controller leaves its lease behind, and the next one waits until the lease has expired. */
const LEASE_SECONDS = 4
/** One server runs hundreds of stories, and a record that is deleted for its age would look lost. */
const RECORDS = 5000
/** The checks compare the host's claims as soon as the cloud has converged. */
const HOST_STATUS_SECONDS = 1

const flags = Object.entries({
  'lease-seconds': LEASE_SECONDS,
  'action-record-count': RECORDS,
  'host-status-seconds': HOST_STATUS_SECONDS,
}).flatMap(([flag, value]) => [`--${flag}`, `${value}`])

/** @param dir a short path, because paths of sockets are limited */
export async function startGatedCloud(dir: string, log?: (line: string) => void): Promise<GatedCloud> {
  const gates = await openGatekeeper(socketOf(dir))
  try {
    const programs = {
      controller: await gatedProgram('controller', dir, ...flags),
      // The test kills one server's QEMU again and again; the agent must not delay its start.
      agent: await gatedProgram('agent', dir, '--restart-delay-seconds', '0'),
    }
    const cloud = await startCloud({ dir, owned: true, programs, ...(log ? { log } : {}) })
    await seedCloud(cloud)
    await addBlankImage(cloud)
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

/** An image without a boot loader. The firmware halts, so the guest takes no CPU time. */
async function addBlankImage(cloud: Cloud): Promise<void> {
  for (const host of cloud.hosts.values())
    await runCommand([
      'qemu-img',
      'create',
      '-q',
      '-f',
      'qcow2',
      join(host.home, 'var/lib/kubenova/images/blank.qcow2'),
      '1M',
    ])
  await new Api(cloud.plane.api).addImage('blank', 'file:///var/lib/kubenova/images/blank.qcow2')
}

/**
 * Runs the program once with --help to fill Node's compile cache: a process that is killed does not write it, and
 * compiling takes half of the start.
 */
async function gatedProgram(name: 'controller' | 'agent', dir: string, ...args: string[]): Promise<Required<Program>> {
  const file = join(import.meta.dirname, `gated-${name}.ts`)
  const env = { [GATE_SOCKET_VARIABLE]: socketOf(dir), NODE_COMPILE_CACHE: join(cacheDirectory(), '../compiled') }
  await runCommand([process.execPath, file, '--help'], { env })
  return { file, args, env }
}
