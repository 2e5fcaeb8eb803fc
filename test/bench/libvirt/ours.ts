// agent/libvirt as a client of the bench. Arguments: libvirtd's socket, UUID of a domain.
import { type Connection, domainEvents, fromParams, openConnection, proc } from '../../../agent/libvirt/index.ts'
import { type Measured, measured, serve, type Task } from './worker.ts'

const [path = '', uuid = ''] = process.argv.slice(2)
const connection = await openConnection(`qemu+unix:///system?socket=${path}`)
const { dom } = await connection.call(proc.domainLookupByUuid, { uuid })
let test: Connection | undefined
const came = { events: 0 }

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

async function runCalls(name: string, count: number, inflight: number): Promise<Measured> {
  const call = calls[name]
  if (!call) throw new Error(`no call ${name}`)
  let left = count
  return measured(async (times) => {
    const one = async () => {
      while (left-- > 0) {
        const start = performance.now()
        await call()
        times.push((performance.now() - start) * 1000)
      }
    }
    await Promise.all(Array.from({ length: inflight }, one))
  })
}

async function listen(): Promise<void> {
  if (!test) {
    test = await openConnection(`test+unix:///default?socket=${path}`)
    await test.on(domainEvents.lifecycle, () => void (came.events += 1))
  }
  came.events = 0
}

async function runEvents(count: number, inflight: number): Promise<Measured> {
  return measured(async (times) => {
    const one = async () => {
      while (came.events < count) {
        const start = performance.now()
        await test?.call(proc.connectGetLibVersion, {})
        times.push((performance.now() - start) * 1000)
      }
    }
    await Promise.all(Array.from({ length: inflight }, one))
  })
}

const transfer = { vol: { pool: 'bench', name: 'bench', key: '' }, offset: 0, length: 0 }

async function download(bytes: number): Promise<Measured> {
  return measured(async () => {
    const stream = await connection.openStream(proc.storageVolDownload, { ...transfer, length: bytes })
    let got = 0
    for await (const chunk of stream) got += (chunk as Buffer).length
    if (got !== bytes) throw new Error(`${got} bytes came of ${bytes}`)
  })
}

async function upload(bytes: number): Promise<Measured> {
  const chunk = Buffer.alloc(1 << 20, 'x')
  return measured(async () => {
    const stream = await connection.openStream(proc.storageVolUpload, { ...transfer, length: bytes })
    const finished = new Promise((resolve, reject) => stream.once('finish', resolve).once('error', reject))
    for (let sent = 0; sent < bytes; sent += chunk.length) {
      if (!stream.write(chunk)) await new Promise((resolve) => stream.once('drain', resolve))
    }
    stream.end()
    await finished
  })
}

await serve(async (task: Task) => {
  switch (task.task) {
    case 'calls':
      return runCalls(task.call, task.count, task.inflight)
    case 'listen':
      return measured(listen)
    case 'events':
      return runEvents(task.count, task.inflight)
    case 'download':
      return download(task.bytes)
    case 'upload':
      return upload(task.bytes)
  }
})
process.exit()
