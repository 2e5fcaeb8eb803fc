import { createHash, randomBytes, randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { finished, pipeline } from 'node:stream/promises'
import { beforeAll, describe, expect, it, vi } from 'vitest'
import { withHost } from '../../test/rig/vitest.ts'
import { type Connection, type DomainRef, openConnection, proc, type StoragePoolRef } from './index.ts'
import { createEchoGuest, startEchoGuest } from './testing/guest.ts'

const host = withHost()
let connection: Connection
let dom: DomainRef
let pool: StoragePoolRef

beforeAll(async () => {
  connection = await openConnection(host().uri)
  // libvirt locks a console's device with a file in /var/lock, a link to /run/lock. The test host has a /run of its
  // own, where the folder may be missing.
  mkdirSync(join(host().home, 'run/lock'), { recursive: true })
  dom = (await startEchoGuest(connection, join(host().home, 'guests'), 'echo', randomUUID())).dom
  const path = join(host().home, 'pool')
  mkdirSync(path)
  const xml = `<pool type='dir'><name>p</name><target><path>${path}</path></target></pool>`
  pool = (await connection.call(proc.storagePoolCreateXml, { xml })).pool
})

async function createVolume(name: string, bytes: number) {
  const xml = `<volume><name>${name}</name><capacity>${bytes}</capacity><target><format type='raw'/></target></volume>`
  return (await connection.call(proc.storageVolCreateXml, { pool, xml })).vol
}

describe('the stream of a console', () => {
  it('carries bytes to and from the guest', async () => {
    const stream = await connection.openStream(proc.domainOpenConsole, { dom })
    let seen = ''
    stream.on('data', (chunk: Buffer) => void (seen += chunk.toString('latin1')))
    const sent = 'the guest echoes this'
    await vi.waitUntil(
      () => {
        if (!seen.includes(sent)) stream.write(`${sent}.`)
        return seen.includes(sent)
      },
      { timeout: 20_000, interval: 300 },
    )
    stream.destroy()
  })

  it('is refused by libvirt while another client has the console, and opens after that client has gone', async () => {
    const first = await connection.openStream(proc.domainOpenConsole, { dom })
    await expect(connection.openStream(proc.domainOpenConsole, { dom })).rejects.toMatchObject({
      code: 'VIR_ERR_OPERATION_FAILED',
    })
    first.destroy()
    await vi.waitUntil(
      async () => {
        const again = await connection.openStream(proc.domainOpenConsole, { dom }).catch(() => undefined)
        again?.destroy()
        return again !== undefined
      },
      { timeout: 10_000 },
    )
  })
})

describe('the stream of a console whose guest ends', () => {
  it('ends without an error', async () => {
    const guest = createEchoGuest(join(host().home, 'guests'), 'brief', randomUUID())
    const { dom: brief } = await connection.call(proc.domainCreateXml, { xml: guest.xml })
    const stream = await connection.openStream(proc.domainOpenConsole, { dom: brief })
    const closed = finished(stream.resume())
    await connection.call(proc.domainDestroyFlags, { dom: brief })
    await closed
    expect(stream.writable).toBe(false)
  })
})

describe('the stream of a volume', () => {
  const size = 24 << 20

  it('downloads the bytes that were uploaded', async () => {
    const data = randomBytes(size)
    const vol = await createVolume('round', size)
    const up = await connection.openStream(proc.storageVolUpload, { vol, offset: 0, length: size })
    await pipeline(Readable.from([data.subarray(0, 1_000_001), data.subarray(1_000_001)]), up)
    const down = await connection.openStream(proc.storageVolDownload, { vol, offset: 0, length: 0 })
    const hash = createHash('sha256')
    await pipeline(down, hash)
    expect(hash.digest('hex')).toBe(createHash('sha256').update(data).digest('hex'))
  })

  it('buffers little while its reader does not read, and other calls go on', async () => {
    const vol = await createVolume('slow', size)
    const stream = await connection.openStream(proc.storageVolDownload, { vol, offset: 0, length: 0 })
    await vi.waitUntil(() => stream.readableLength >= stream.readableHighWaterMark)
    for (let i = 0; i < 200; i += 1) await connection.call(proc.connectGetLibVersion, {})
    expect(stream.readableLength).toBeLessThan(2 * stream.readableHighWaterMark)
    let received = 0
    for await (const chunk of stream) received += (chunk as Buffer).length
    expect(received).toBe(size)
  })

  it('fails an upload that does not fit into the volume', async () => {
    const vol = await createVolume('small', 1 << 20)
    await expect(
      connection.openStream(proc.storageVolUpload, { vol, offset: 2n ** 62n, length: size }),
    ).rejects.toMatchObject({ name: 'LibvirtError' })
  })

  it('aborts the upload at the daemon when it is destroyed', async () => {
    const vol = await createVolume('aborted', size)
    const stream = await connection.openStream(proc.storageVolUpload, { vol, offset: 0, length: size })
    stream.write(randomBytes(1 << 20))
    stream.destroy()
    // libvirt does not delete a volume while a client writes to it. So a successful delete shows that the upload has
    // ended.
    await vi.waitUntil(
      () =>
        connection.call(proc.storageVolDelete, { vol }).then(
          () => true,
          () => false,
        ),
      { timeout: 10_000 },
    )
  })

  it('fails with ConnectionError when the daemon is killed', async () => {
    const vol = await createVolume('lost', size)
    const stream = await connection.openStream(proc.storageVolDownload, { vol, offset: 0, length: 0 })
    await vi.waitUntil(() => stream.readableLength >= stream.readableHighWaterMark)
    const error = once(stream, 'error')
    await host().killLibvirtd()
    stream.resume()
    expect((await error)[0]).toMatchObject({ name: 'ConnectionError', code: 'lost' })
    await host().startLibvirtd()
  })
})
