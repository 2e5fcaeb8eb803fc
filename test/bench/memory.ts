/**
 * Memory of the controller with 10,000 Servers, each with its port and its record, and 200 hosts; as images run it (built, with a pod's account), and as
 * development does. Prints `name value unit`; MB are 10^6 bytes. Usage: node test/bench/memory.ts [--servers 10000] [--hosts 200]
 */
import { rmSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { scratchDirectory } from '../rig/scratch.ts'
import { build } from '../scale/build.ts'
import { measureController } from '../scale/memory.ts'

const { values } = parseArgs({
  options: { servers: { type: 'string', default: '10000' }, hosts: { type: 'string', default: '200' } },
})
const dir = scratchDirectory()
try {
  const sizes = { servers: Number(values.servers), hosts: Number(values.hosts) }
  for (const { name, value, unit } of await measureController({
    dir,
    program: await build(dir),
    ...sizes,
    log: console.error,
  }))
    console.log(`${name} ${value.toFixed(unit === 's' ? 1 : 0)} ${unit}`)
} finally {
  rmSync(dir, { recursive: true, force: true })
}
