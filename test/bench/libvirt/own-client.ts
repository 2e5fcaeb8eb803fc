// Arguments: the socket of libvirtd, and the UUID of a domain.
import { type Connection, domainEvents, fromParams, openConnection, proc } from '../../../agent/libvirt/index.ts'
import { type Cost, measureCost, serveTasks, type Task } from './worker.ts'

const [path = '', uuid = ''] = process.argv.slice(2)
const connection = await openConnection(`qemu+unix:///system?socket=${path}`)
const { dom } = await connection.call(proc.domainLookupByUuid, { uuid })
let testConnection: Connection | undefined
const received = { events: 0 }

const calls: Record<string, () => Promise<unknown>> = {
  version: () => connection.call(proc.connectGetLibVersion, {}),
  lookup: () => connection.call(proc.domainLookupByUuid, { uuid }),
  info: () => connection.call(proc.domainGetInfo, { dom }),
  capabilities: () => connection.call(proc.connectGetCapabilities, {}),
  dumpxml: () => connection.call(proc.domainGetXmlDesc, { dom }),
  list: () => connection.call(proc.connectListAllDomains, { needResults: true }),
  stats: async () => {
    const { records } = await connection.call(proc.connectGetAllDomainStats, { doms: [] })
    return records.map(({ params }) => fromParams(params))
  },
}

async function runCalls(name: string, count: number, inflight: number): Promise<Cost> {
  const call = calls[name]
  if (!call) throw new Error(`no call ${name}`)
  let left = count
  return measureCost(async (times) => {
    const callRepeatedly = async () => {
      while (left-- > 0) {
        const start = performance.now()
        await call()
        times.push((performance.now() - start) * 1000)
      }
    }
    await Promise.all(Array.from({ length: inflight }, callRepeatedly))
  })
}

async function subscribeAndResetEventCount(): Promise<void> {
  if (!testConnection) {
    testConnection = await openConnection(`test+unix:///default?socket=${path}`)
    await testConnection.on(domainEvents.lifecycle, () => void (received.events += 1))
  }
  received.events = 0
}

async function runEvents(count: number, inflight: number): Promise<Cost> {
  return measureCost(async (times) => {
    const callRepeatedly = async () => {
      while (received.events < count) {
        const start = performance.now()
        await testConnection?.call(proc.connectGetLibVersion, {})
        times.push((performance.now() - start) * 1000)
      }
    }
    await Promise.all(Array.from({ length: inflight }, callRepeatedly))
  })
}

const transfer = { vol: { pool: 'bench', name: 'bench', key: '' }, offset: 0, length: 0 }

async function download(bytes: number): Promise<Cost> {
  return measureCost(async () => {
    const stream = await connection.openStream(proc.storageVolDownload, { ...transfer, length: bytes })
    let received = 0
    for await (const chunk of stream) received += (chunk as Buffer).length
    if (received !== bytes) throw new Error(`${received} bytes of ${bytes} arrived`)
  })
}

async function upload(bytes: number): Promise<Cost> {
  const chunk = Buffer.alloc(1 << 20, 'x')
  return measureCost(async () => {
    const stream = await connection.openStream(proc.storageVolUpload, { ...transfer, length: bytes })
    const finished = new Promise((resolve, reject) => stream.once('finish', resolve).once('error', reject))
    for (let sent = 0; sent < bytes; sent += chunk.length) {
      if (!stream.write(chunk)) await new Promise((resolve) => stream.once('drain', resolve))
    }
    stream.end()
    await finished
  })
}

await serveTasks(async (task: Task) => {
  switch (task.task) {
    case 'calls':
      return runCalls(task.call, task.count, task.inflight)
    case 'listen':
      return measureCost(subscribeAndResetEventCount)
    case 'events':
      return runEvents(task.count, task.inflight)
    case 'download':
      return download(task.bytes)
    case 'upload':
      return upload(task.bytes)
  }
})
process.exit()
