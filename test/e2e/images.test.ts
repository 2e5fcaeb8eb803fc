import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { ensureGuestImage } from '../rig/guest.ts'
import { conditionOf, withCloud } from './user.ts'

const user = withCloud()

let image: Buffer
let origin: string
/** The Range header of each request for an image, or the text "all" if there is none. */
const requests: string[] = []
/**
 * Faults of the image server, by URL path. `cut`: the next answer breaks off. `gone`: every answer is 404 until a test
 * removes the fault.
 */
const faults = new Map<string, 'cut' | 'gone'>()

const http = createServer((request, response) => serveImage(request, response))

beforeAll(async () => {
  image = readFileSync((await ensureGuestImage()).path)
  const address = new URL(user().cloud.plane.server).hostname
  await new Promise<void>((resolve) => http.listen(0, address, resolve))
  const listening = http.address()
  origin = `http://${address}:${typeof listening === 'object' ? listening?.port : ''}`
})

afterAll(() => {
  http.closeAllConnections()
  http.close()
})

function serveImage({ url = '', headers: { range } }: IncomingMessage, response: ServerResponse): void {
  requests.push(range ?? 'all')
  const mode = faults.get(url)
  if (mode === 'gone') return void response.writeHead(404).end()
  faults.delete(url)
  const from = Number(/^bytes=(\d+)-/.exec(range ?? '')?.[1] ?? 0)
  const headers = { etag: '"one"', 'accept-ranges': 'bytes', 'content-length': image.length - from }
  const partial = { ...headers, 'content-range': `bytes ${from}-${image.length - 1}/${image.length}` }
  response.writeHead(range ? 206 : 200, range ? partial : headers)
  if (mode !== 'cut') return void response.end(image.subarray(from))
  response.write(image.subarray(from, from + 4_000_000), () => response.destroy())
}

const sha256 = () => `sha256:${createHash('sha256').update(image).digest('hex')}`

/** A host caches the content under the checksum. Without a checksum, the key is made of the Image and its URL. */
const createImage = (name: string, checksum?: string) => {
  const spec = { url: `${origin}/${name}.qcow2`, format: 'qcow2', ...(checksum === undefined ? {} : { checksum }) }
  return user().apply({ kind: 'Image', metadata: { name }, spec })
}

const waitForError = (name: string) =>
  user().waitForServer(name, 'in error', ({ status }) => status?.vmState === 'error', 90_000)
const listInstanceFolders = () => user().cloud.host('h1').exec(['ls', '/var/lib/kubenova/instances'])

it('an image is downloaded once for three servers, and resumed after a cut', async () => {
  faults.set('/remote.qcow2', 'cut')
  await createImage('remote', sha256())
  await Promise.all(['one', 'two', 'three'].map((name) => user().createServer(name, { image: { name: 'remote' } })))
  for (const name of ['one', 'two', 'three']) await user().waitForBoot(await user().waitUntilReady(name, 120_000))
  expect(requests).toHaveLength(2)
  expect(requests[0]).toBe('all')
  expect(requests[1]).toMatch(/^bytes=[1-9]\d*-$/)
})

it('a cached image is not downloaded again for a later server', async () => {
  await user().createServer('four', { image: { name: 'remote' } })
  await user().waitUntilReady('four')
  expect(requests).toHaveLength(2)
})

it('a wrong checksum is reported with both sums, and leaves no files', async () => {
  const wrong = `sha256:${'0'.repeat(64)}`
  await createImage('wrong', wrong)
  await user().createServer('bad', { image: { name: 'wrong' } })
  const server = await waitForError('bad')
  expect(server.status?.fault).toMatchObject({ code: 500, details: 'ImageChecksumMismatch' })
  expect(server.status?.fault?.message).toContain(wrong.slice('sha256:'.length))
  expect(server.status?.fault?.message).toContain(sha256().slice('sha256:'.length))
  expect(conditionOf(server, 'Stalled')).toMatchObject({ status: 'True', reason: 'ImageChecksumMismatch' })
  expect(await listInstanceFolders()).not.toContain(server.metadata.uid)
  expect(await user().kubectl('describe', 'server', 'bad')).toContain('ImageChecksumMismatch')
  await user().delete('bad')
})

it('a start action retries the download after an error', async () => {
  faults.set('/later.qcow2', 'gone')
  await createImage('later')
  await user().createServer('patient', { image: { name: 'later' } })
  const server = await waitForError('patient')
  expect(server.status?.fault?.details).toBe('ImageDownloadFailed')
  expect(server.status?.fault?.message).toContain('404')
  faults.delete('/later.qcow2')
  const { status } = await user().runAction('patient', 'start')
  expect(status?.phase).toBe('Succeeded')
  await user().waitForBoot(await user().waitUntilReady('patient'))
})

it('a start action retries the download for a stopped server, and leaves it off', async () => {
  faults.set('/rested.qcow2', 'gone')
  await createImage('rested')
  await user().createServer('resting', { image: { name: 'rested' }, powerState: 'Stopped' })
  expect((await waitForError('resting')).status?.fault?.details).toBe('ImageDownloadFailed')
  faults.delete('/rested.qcow2')
  const { status } = await user().runAction('resting', 'start')
  expect(status).toMatchObject({ phase: 'Succeeded', host: 'h1' })
  const server = await user().waitUntilReady('resting')
  expect(server.status).toMatchObject({ vmState: 'stopped', powerState: 'Shutdown', reachedPowerState: 'Stopped' })
  expect(server.status).not.toHaveProperty('fault')
  expect(await user().runningDomains('h1')).not.toContain(server.status?.domain?.name)
  expect(user().consoleOf(server)).toBe('')
  await user().patch('server', 'resting', { spec: { powerState: 'Running' } })
  await user().waitForBoot(await user().waitUntilReady('resting'))
})

it('an image must not be an arbitrary file of the host', async () => {
  await user().apply({
    kind: 'Image',
    metadata: { name: 'passwd' },
    spec: { url: 'file:///etc/passwd', format: 'raw' },
  })
  await user().createServer('thief', { image: { name: 'passwd' } })
  const server = await waitForError('thief')
  expect(server.status?.fault?.details).toBe('ImageSourceNotAllowed')
  await user().delete('thief')
})
