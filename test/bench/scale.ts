/**
 * Measures placements through a real API server, in two parts. First, many Servers are created at once: the real
 * controller places them, and real agent code builds them on simulated hosts. Second, the controller alone places a
 * backlog of Servers, and kube-scheduler a backlog of Pods. Prints lines `name value unit`.
 * Usage: node test/bench/scale.ts [--hosts 50] [--servers 1000] [--backlog-hosts 1000] [--backlog 1000]
 */
import { mkdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { buildPrograms } from '../../hack/build.ts'
import { createScratchDirectory } from '../rig/scratch.ts'
import { measurePlacing } from '../scale/measure-placing.ts'
import { type Figure, measureScale } from '../scale/measure-scale.ts'
import { builtProgram } from '../scale/scale-cloud.ts'

const { values } = parseArgs({
  options: {
    hosts: { type: 'string', default: '50' },
    servers: { type: 'string', default: '1000' },
    'backlog-hosts': { type: 'string', default: '1000' },
    backlog: { type: 'string', default: '1000' },
  },
})

const print = (figures: readonly Figure[]): void => {
  for (const { name, value, unit } of figures) console.log(`${name} ${value.toFixed(unit === 'MB' ? 0 : 1)} ${unit}`)
}
const log = (line: string): void => console.error(line)
const root = createScratchDirectory()
try {
  const dist = join(root, 'dist')
  await buildPrograms(dist)
  const program = builtProgram(dist)
  const makeFolder = (name: string): string => {
    const dir = join(root, name)
    mkdirSync(dir, { recursive: true })
    return dir
  }
  const storm = { hosts: Number(values.hosts), servers: Number(values.servers), projects: 4, atOnce: 32 }
  print(await measureScale({ dir: makeFolder('storm'), program, ...storm, log }))
  const backlog = { hosts: Number(values['backlog-hosts']), servers: Number(values.backlog) }
  print(await measurePlacing({ dir: makeFolder('backlog'), program, ...backlog, log }))
} finally {
  rmSync(root, { recursive: true, force: true })
}
