/**
 * Measures the memory of controller (10,000 Servers, each with a Port and an action record, and 200 hosts) and agent
 * (50 running domains on a real host). The controller is compared with kube-scheduler, the agent with libvirtd and a
 * kubelet, with as many Pods. Prints lines `name value unit`; a MB is 10^6 bytes.
 * Usage: node test/bench/memory.ts [--servers 10000] [--hosts 200] [--domains 50] [--source]
 */
import { mkdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { buildPrograms } from '../../hack/build.ts'
import { createScratchDirectory } from '../rig/scratch.ts'
import { measureAgent } from '../scale/measure-agent.ts'
import { measureController, measureScheduler } from '../scale/measure-memory.ts'
import type { Figure } from '../scale/measure-scale.ts'
import { builtProgram, sourceProgram } from '../scale/scale-cloud.ts'

const { values } = parseArgs({
  options: {
    servers: { type: 'string', default: '10000' },
    hosts: { type: 'string', default: '200' },
    domains: { type: 'string', default: '50' },
    source: { type: 'boolean', default: false },
  },
})

const print = (figures: readonly Figure[]): void => {
  for (const { name, value, unit } of figures) console.log(`${name} ${value.toFixed(unit === 's' ? 1 : 0)} ${unit}`)
}
const log = (line: string): void => console.error(line)
const root = createScratchDirectory()
try {
  const dist = join(root, 'dist')
  if (!values.source) await buildPrograms(dist)
  const program = values.source ? sourceProgram : builtProgram(dist)
  const makeFolder = (name: string): string => {
    const dir = join(root, name)
    mkdirSync(dir)
    return dir
  }
  const domains = Number(values.domains)
  if (domains > 0) print(await measureAgent({ dir: makeFolder('a'), program, domains, log }))
  const sizes = { servers: Number(values.servers), hosts: Number(values.hosts) }
  if (sizes.servers > 0) {
    print(await measureController({ dir: makeFolder('c'), program, ...sizes, log }))
    print(await measureScheduler({ dir: makeFolder('s'), ...sizes, log }))
  }
} finally {
  rmSync(root, { recursive: true, force: true })
}
