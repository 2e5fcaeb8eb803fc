import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { runCommand } from '../../test/rig/process.ts'
import { withHost } from '../../test/rig/vitest.ts'
import { openConnection, proc } from './index.ts'
import { emptyDomainXml } from './testing/guest.ts'

const host = withHost()
const uuid = '00000000-0000-0000-0000-00000000cafe'

it('the example of the README lists a domain and finds that another is not there', async () => {
  const readme = readFileSync(join(import.meta.dirname, 'README.md'), 'utf8')
  const example = /```ts\n(.*?)```/s.exec(readme)?.[1] ?? ''
  const index = join(import.meta.dirname, 'index.ts')
  const program = join(host().home, 'example.ts')
  await using connection = await openConnection(host().uri)
  const { dom } = await connection.call(proc.domainDefineXmlFlags, { xml: emptyDomainXml('shown', uuid) })
  writeFileSync(program, example.replace('./index.ts', index).replace("'qemu:///system'", `'${host().uri}'`))
  const output = await runCommand([process.execPath, program])
  expect(output).toContain(`shown ${uuid} 5`)
  expect(output).toContain("'state.state': 5")
  expect(output.trim().split('\n').at(-1)).toBe('undefined')
  await connection.call(proc.domainUndefineFlags, { dom })
  rmSync(program)
})
