// Suspends and resumes domains of libvirt's test driver as fast as possible. Argument: the socket of libvirtd.
import { randomUUID } from 'node:crypto'
import { type DomainRef, openConnection, proc } from '../../../agent/libvirt/index.ts'
import { measureCost, serveTasks } from './worker.ts'

const [path = ''] = process.argv.slice(2)
const connection = await openConnection(`test+unix:///default?socket=${path}`)
const domains: DomainRef[] = []
for (let i = 0; i < 4; i += 1) {
  const xml = `<domain type='test'><name>flicker-${i}</name><uuid>${randomUUID()}</uuid><memory>8192</memory>
    <os><type>hvm</type></os></domain>`
  domains.push((await connection.call(proc.domainCreateXml, { xml })).dom)
}

await serveTasks(async (task) => {
  if (task.task !== 'events') throw new Error('only events')
  let left = task.count
  return measureCost(async () => {
    const suspendAndResume = async (dom: DomainRef) => {
      for (; left > 0; left -= 2) {
        await connection.call(proc.domainSuspend, { dom })
        await connection.call(proc.domainResume, { dom })
      }
    }
    await Promise.all(domains.map(suspendAndResume))
  })
})
process.exit()
