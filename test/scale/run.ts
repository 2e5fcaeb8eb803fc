/**
 * Measures a cloud with a real API server, the real controller, and real agent code on simulated hosts. Prints lines
 * `name value unit`; progress goes to standard error. With --built DIR, runs the bundled programs that `node
 * hack/build.ts DIR` has written.
 * Usage: node test/scale/run.ts [--hosts 200] [--servers 10000] [--projects 10] [--at-once 32] [--built DIR]
 */
import { rmSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { createScratchDirectory } from '../rig/scratch.ts'
import { measureScale } from './measure-scale.ts'
import { builtProgram, sourceProgram } from './scale-cloud.ts'

const { values } = parseArgs({
  options: {
    hosts: { type: 'string', default: '200' },
    servers: { type: 'string', default: '10000' },
    projects: { type: 'string', default: '10' },
    'at-once': { type: 'string', default: '32' },
    built: { type: 'string' },
  },
})

const dir = createScratchDirectory()
const log = (line: string): void => console.error(line)
const { hosts, servers, projects, 'at-once': atOnce } = values
try {
  const program = values.built === undefined ? sourceProgram : builtProgram(values.built)
  const sizes = { hosts: Number(hosts), servers: Number(servers), projects: Number(projects), atOnce: Number(atOnce) }
  for (const { name, value, unit } of await measureScale({ dir, program, ...sizes, log }))
    console.log(`${name} ${value.toFixed(unit === 'ms' || unit === 'MB' ? 0 : 2)} ${unit}`)
} finally {
  rmSync(dir, { recursive: true, force: true })
}
