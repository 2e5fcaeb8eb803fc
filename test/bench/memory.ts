/**
 * Memory of the controller with 10,000 Servers, each with its port and its record, and 200 hosts, beside kube-scheduler with as many Pods on as many
 * Nodes; and of the agent of a real host with 50 running domains, beside its libvirtd and a kubelet with as many Pods. Ours as images run them:
 * JavaScript. Prints `name value unit`; MB are 10^6 bytes.
 * Usage: node test/bench/memory.ts [--servers 10000] [--hosts 200] [--domains 50] [--source]   (--source: TypeScript, as development runs it)
 */
import { mkdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { buildPrograms } from '../../hack/build.ts'
import { scratchDirectory } from '../rig/scratch.ts'
import { measureAgent } from '../scale/agent-memory.ts'
import type { Figure } from '../scale/measure.ts'
import { measureController, measureScheduler } from '../scale/memory.ts'
import { built, source } from '../scale/stage.ts'

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
const root = scratchDirectory()
try {
  const dist = join(root, 'dist')
  if (!values.source) await buildPrograms(dist)
  const program = values.source ? source : built(dist)
  const sub = (name: string): string => {
    const dir = join(root, name)
    mkdirSync(dir)
    return dir
  }
  const domains = Number(values.domains)
  if (domains > 0) print(await measureAgent({ dir: sub('a'), program, domains, log }))
  const sizes = { servers: Number(values.servers), hosts: Number(values.hosts) }
  if (sizes.servers > 0) {
    print(await measureController({ dir: sub('c'), program, ...sizes, log }))
    print(await measureScheduler({ dir: sub('s'), ...sizes, log }))
  }
} finally {
  rmSync(root, { recursive: true, force: true })
}
