/**
 * Measures the Nova API over HTTP: a real shim, API server and controller; real agent code on simulated hosts. Each
 * figure is the best of several rounds, because other load on the machine only makes it worse. `cpu` is the CPU time of
 * the shim for each request. Prints lines `name value unit`; a MB is 10^6 bytes.
 * Usage: node test/bench/api.ts [--rounds 3] [--hosts 50] [--few 100] [--many 1000] [--total 10000] [--source]
 */
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { buildPrograms } from '../../hack/build.ts'
import { createScratchDirectory } from '../rig/scratch.ts'
import { measureApi } from '../scale/measure-api.ts'
import { builtProgram, sourceProgram } from '../scale/scale-cloud.ts'

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '3' },
    hosts: { type: 'string', default: '50' },
    few: { type: 'string', default: '100' },
    many: { type: 'string', default: '1000' },
    total: { type: 'string', default: '10000' },
    source: { type: 'boolean', default: false },
  },
})

const root = createScratchDirectory()
try {
  const dist = join(root, 'dist')
  if (!values.source) await buildPrograms(dist)
  const { rounds, hosts, few, many, total } = values
  await measureApi({
    dir: join(root, 'cloud'),
    program: values.source ? sourceProgram : builtProgram(dist),
    rounds: Number(rounds),
    hosts: Number(hosts),
    few: Number(few),
    many: Number(many),
    total: Number(total),
    print(figures) {
      for (const { name, value, unit } of figures)
        console.log(`${name} ${value.toFixed(unit === 'MB' ? 0 : 1)} ${unit}`)
    },
    log: (line) => console.error(line),
  })
} finally {
  rmSync(root, { recursive: true, force: true })
}
