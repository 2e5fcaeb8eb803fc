import { createHash, randomBytes } from 'node:crypto'
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { BlockList } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { MIB } from '../files/sizes.ts'
import { type DownloadOptions, downloadSource } from './download.ts'
import { loopbackAndLinkLocal, SourceOpener, type SourceOptions } from './image-source.ts'
import { type Behaviour, etagOf, TestServer } from './testing/server.ts'

vi.setConfig({ testTimeout: 60_000 })

const body = randomBytes(300_000)
const otherBody = randomBytes(300_000)
const hash = (bytes: Buffer, algorithm: string) => `${algorithm}:${createHash(algorithm).update(bytes).digest('hex')}`
const sha256 = (bytes: Buffer) => hash(bytes, 'sha256')

const createOpener = (overrides: Partial<SourceOptions> = {}) =>
  new SourceOpener({ fileRoots: [], stallTimeout: 60_000, ...overrides })

let dir: string
let stack: AsyncDisposableStack
let sources: SourceOpener
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'download-'))
  stack = new AsyncDisposableStack()
  stack.defer(() => rmSync(dir, { recursive: true, force: true }))
  sources = stack.use(createOpener({ blocked: new BlockList(), fileRoots: [dir] }))
})
afterEach(() => stack.disposeAsync())

let server: TestServer | undefined
const serve = async (behaviour: (request: number, path: string) => Behaviour) => {
  server = stack.use(await TestServer.start(behaviour))
  return server
}

const makeOptions = (url: string, overrides: Partial<DownloadOptions> = {}): DownloadOptions => ({
  url,
  target: join(dir, 'part'),
  maxBytes: 1_000_000,
  hasSpace: async () => true,
  signal: AbortSignal.timeout(30_000),
  retry: { firstDelay: 1, attempts: 3 },
  progress: (bytes) => server?.acknowledge(bytes),
  ...overrides,
})
const readDownloaded = () => readFileSync(join(dir, 'part'))
const remainingFiles = () => readdirSync(dir).filter((n) => n.startsWith('part'))

describe('downloadSource gets the right bytes', () => {
  const brokenConnection = { body, cutAfter: 100_000 }
  const lastModified = 'Wed, 01 Jan 2026 00:00:00 GMT'
  const cases: [
    string,
    (request: number) => Behaviour,
    checksum: boolean,
    requests: number,
    lastRange: string | undefined,
  ][] = [
    ['from a server without faults', () => ({ body }), true, 1, undefined],
    ['without Content-Length', () => ({ body, chunked: true }), true, 1, undefined],
    ['after two broken connections', (n) => (n < 2 ? brokenConnection : { body }), true, 3, 'bytes=200000-'],
    [
      'after two broken connections, without a checksum',
      (n) => (n < 2 ? brokenConnection : { body }),
      false,
      3,
      'bytes=200000-',
    ],
    [
      'after a broken connection without Content-Length',
      (n) => (n < 1 ? { ...brokenConnection, chunked: true } : { body }),
      false,
      2,
      'bytes=100000-',
    ],
    [
      'after a broken connection, with Last-Modified only',
      (n) => ({ ...(n < 1 ? brokenConnection : { body }), etag: null, lastModified }),
      false,
      2,
      'bytes=100000-',
    ],
    [
      'from the beginning after a broken connection, with a weak ETag',
      (n) => ({ ...(n < 1 ? brokenConnection : { body }), etag: 'W/"x"' }),
      false,
      2,
      undefined,
    ],
    [
      'after a broken connection, with a checksum but no validator',
      (n) => ({ ...(n < 1 ? brokenConnection : { body }), etag: null }),
      true,
      2,
      'bytes=100000-',
    ],
    [
      'after a broken connection, from a server that ignores Range',
      (n) => ({ ...(n < 1 ? brokenConnection : { body }), rangeFault: 'ignores Range' }),
      false,
      2,
      'bytes=100000-',
    ],
    [
      'after a broken connection, when the content has changed',
      (n) => (n < 1 ? { body: otherBody, cutAfter: 100_000 } : { body }),
      false,
      2,
      'bytes=100000-',
    ],
    [
      'after a broken connection, when the content has changed and the server ignores If-Range',
      (n) => (n < 1 ? { body: otherBody, cutAfter: 100_000 } : { body, rangeFault: 'ignores If-Range' }),
      false,
      3,
      undefined,
    ],
    [
      'after a broken connection, when the content has changed and the ETag has not',
      (n) => ({ ...(n < 1 ? { body: otherBody, cutAfter: 100_000 } : { body }), etag: '"same"' }),
      true,
      3,
      undefined,
    ],
    [
      'after a broken connection, from a server that sends the wrong range',
      (n) => (n < 1 ? brokenConnection : { body, rangeFault: 'sends from 0' }),
      true,
      3,
      undefined,
    ],
    [
      'after the statuses 503 and 429',
      (n) => (n < 2 ? { body, status: [503, 429][n]! } : { body }),
      true,
      3,
      undefined,
    ],
    [
      'when the content has become shorter',
      (n) => (n < 1 ? { body: Buffer.concat([body, otherBody]), cutAfter: 300_000, etag: null } : { body, etag: null }),
      true,
      3,
      undefined,
    ],
  ]
  test.each(cases)('%s', async (_, behaviour, checksum, requests, lastRange) => {
    const server = await serve(behaviour)
    const progress: number[] = []
    await downloadSource(
      sources,
      makeOptions(server.url, {
        ...(checksum && { checksum: sha256(body) }),
        progress: (bytes) => (progress.push(bytes), server.acknowledge(bytes)),
      }),
    )
    expect(readDownloaded().equals(body)).toBe(true)
    expect(server.requests).toHaveLength(requests)
    expect(server.requests.at(-1)?.range).toBe(lastRange)
    expect(progress.at(-1)).toBe(body.length)
  })
})

describe('downloadSource, with bytes that an earlier process left,', () => {
  test.each([sha256(body), hash(body, 'sha512'), undefined])('continues there with checksum %s', async (checksum) => {
    const server = await serve(() => ({ body, cutAfter: 150_000 }))
    const overrides = { ...(checksum !== undefined && { checksum }), retry: { attempts: 1 } }
    await expect(downloadSource(sources, makeOptions(server.url, overrides))).rejects.toMatchObject({
      kind: 'Transient',
      code: 'ImageDownloadFailed',
    })
    expect(readDownloaded()).toHaveLength(150_000)
    server.setBehaviour(() => ({ body }))
    await downloadSource(sources, makeOptions(server.url, overrides))
    expect(server.requests.at(-1)?.range).toBe('bytes=150000-')
    expect(readDownloaded().equals(body)).toBe(true)
  })

  test('starts over once when one of them is wrong', async () => {
    const server = await serve(() => ({ body }))
    writeFileSync(join(dir, 'part'), Buffer.concat([body.subarray(0, 5), Buffer.from('X'), body.subarray(6, 1000)]))
    writeFileSync(join(dir, 'part.json'), JSON.stringify({ url: server.url, validator: etagOf(body) }))
    await downloadSource(sources, makeOptions(server.url, { checksum: sha256(body) }))
    expect(server.requests.map((r) => r.range)).toEqual(['bytes=1000-', undefined])
    expect(readDownloaded().equals(body)).toBe(true)
  })

  test.each(['{"url":"http://elsewhere/"}', '{"url', ''])('ignores them when their description is %s', async (note) => {
    const server = await serve(() => ({ body }))
    writeFileSync(join(dir, 'part'), body.subarray(0, 1000))
    if (note) writeFileSync(join(dir, 'part.json'), note)
    await downloadSource(sources, makeOptions(server.url))
    expect(server.requests.map((r) => r.range)).toEqual([undefined])
  })

  test('sends no request when they are complete', async () => {
    const server = await serve(() => ({ body }))
    await downloadSource(sources, makeOptions(server.url, { checksum: sha256(body) }))
    await downloadSource(sources, makeOptions(server.url, { checksum: sha256(body) }))
    expect(server.requests).toHaveLength(1)
  })
})

describe('downloadSource fails and leaves nothing', () => {
  const wrong = sha256(otherBody)
  const cases: [string, Behaviour, Partial<DownloadOptions>, object][] = [
    [
      'for a wrong checksum, naming the actual one',
      { body },
      { checksum: wrong },
      { kind: 'Terminal', code: 'ImageChecksumMismatch', message: expect.stringContaining(sha256(body)) },
    ],
    [
      'for a wrong checksum, naming the expected one',
      { body },
      { checksum: wrong },
      { message: expect.stringContaining(wrong) },
    ],
    [
      'for status 404',
      { body, status: 404 },
      {},
      { kind: 'Terminal', code: 'ImageDownloadFailed', message: expect.stringContaining('answers 404') },
    ],
    ['for a Content-Length above maxBytes', { body }, { maxBytes: 1000 }, { kind: 'Terminal', code: 'ImageTooLarge' }],
    [
      'for more than maxBytes without Content-Length',
      { body, chunked: true },
      { maxBytes: 1000 },
      { kind: 'Terminal', code: 'ImageTooLarge' },
    ],
    [
      'without space for the Content-Length',
      { body },
      { hasSpace: async (bytes) => bytes < body.length },
      { kind: 'Transient', code: 'DiskFull' },
    ],
    [
      'without any space and without Content-Length',
      { body, chunked: true },
      { hasSpace: async () => false },
      { code: 'DiskFull' },
    ],
    [
      'for a redirect to a file',
      { body, status: 302, location: 'file:///etc/passwd' },
      {},
      { kind: 'Terminal', code: 'ImageSourceNotAllowed' },
    ],
    [
      'for endless redirects',
      { body, status: 302, location: '/again' },
      {},
      { kind: 'Terminal', code: 'ImageDownloadFailed' },
    ],
  ]
  test.each(cases)('%s', async (_, behaviour, overrides, error) => {
    const server = await serve(() => behaviour)
    await expect(downloadSource(sources, makeOptions(server.url, overrides))).rejects.toMatchObject(error)
    expect(remainingFiles()).toEqual([])
  })
})

describe('downloadSource checks the space again after 64 MiB', () => {
  const large = Buffer.alloc(80 * MIB)
  const spaceOnce = () => {
    const asked: number[] = []
    return { asked, hasSpace: async (bytes: number) => asked.push(bytes) < 2 }
  }
  const cases: [string, Partial<Behaviour>, asked: (total: number) => number[], message: RegExp][] = [
    [
      'without Content-Length',
      { chunked: true },
      () => [0, 0],
      /no space for more than the first \d+ bytes of the image/,
    ],
    ['with Content-Length', {}, (n) => [n, n - 64 * MIB], /no space for the \d+ bytes that are missing/],
  ]
  test.each(cases)('and fails for a source %s', async (_, behaviour, wanted, message) => {
    const server = await serve(() => ({ body: large, etag: null, ...behaviour }))
    const { asked, hasSpace } = spaceOnce()
    let received = 0
    const overrides = { hasSpace, maxBytes: large.length, progress: (bytes: number) => (received = bytes) }
    const error = { kind: 'Transient', code: 'DiskFull', message: expect.stringMatching(message) }
    await expect(downloadSource(sources, makeOptions(server.url, overrides))).rejects.toMatchObject(error)
    expect(remainingFiles()).toEqual([])
    expect(server.requests).toHaveLength(1)
    expect(received).toBeGreaterThanOrEqual(64 * MIB)
    expect(received).toBeLessThan(68 * MIB)
    // downloadSource checks the space only between two chunks of the body, so the numbers in `asked` may differ a
    // little.
    expect(asked).toHaveLength(2)
    wanted(large.length).forEach((n, i) => expect(Math.abs(n - (asked[i] ?? NaN))).toBeLessThan(4 * MIB))
  })
})

test('downloadSource keeps password and token of the URL out of its message', async () => {
  const server = await serve(() => ({ body, status: 403 }))
  const url = `${server.url.replace('//', '//me:secret1@')}?token=secret2`
  const error = await downloadSource(sources, makeOptions(url)).catch((e: unknown) => e)
  expect(error).toMatchObject({ message: expect.stringMatching(/\/image: it answers 403; if it wants credentials/) })
  expect(String(error)).not.toMatch(/secret/)
})

test('downloadSource throws Transient after its attempts when there is no server', async () => {
  const server = await TestServer.start(() => ({ body }))
  const { url } = server
  await server[Symbol.asyncDispose]()
  await expect(downloadSource(sources, makeOptions(url))).rejects.toMatchObject({
    kind: 'Transient',
    code: 'ImageDownloadFailed',
  })
})

test('downloadSource throws the reason of an abort and keeps the bytes', async () => {
  const controller = new AbortController()
  const server = await serve(() => ({ body, cutAfter: 50_000 }))
  const reason = new Error('enough')
  const progress = (bytes: number) => {
    if (bytes === 50_000) controller.abort(reason)
  }
  await expect(downloadSource(sources, makeOptions(server.url, { signal: controller.signal, progress }))).rejects.toBe(
    reason,
  )
  expect(readDownloaded()).toHaveLength(50_000)
})

test('downloadSource retries after stallTimeout without a byte', async () => {
  const impatientOpener = stack.use(createOpener({ blocked: new BlockList(), stallTimeout: 50 }))
  const { promise: gate, resolve: open } = Promise.withResolvers<void>()
  stack.defer(open)
  const server = await serve((n) => (n === 0 ? { body, gate } : { body }))
  await downloadSource(impatientOpener, makeOptions(server.url, { checksum: sha256(body) }))
  expect(server.requests.length).toBeGreaterThan(1)
})

describe('downloadSource refuses the address', () => {
  const defaultOpener = () => stack.use(createOpener())
  test.each([
    'http://127.0.0.1:1/x',
    'http://[::1]:1/x',
    'http://localhost:1/x',
    'http://169.254.169.254/latest',
    'http://[fe80::1]/x',
  ])('%s', async (url) => {
    await expect(downloadSource(defaultOpener(), makeOptions(url))).rejects.toMatchObject({
      kind: 'Terminal',
      code: 'ImageSourceNotAllowed',
    })
  })
  test('to which a server redirects when it is blocked', async () => {
    const blocked = new BlockList()
    blocked.addAddress('169.254.169.254')
    const server = await serve(() => ({ body, status: 302, location: 'http://169.254.169.254/latest/user-data' }))
    const opener = stack.use(createOpener({ blocked }))
    await expect(downloadSource(opener, makeOptions(server.url))).rejects.toMatchObject({
      code: 'ImageSourceNotAllowed',
    })
  })
  test('::ffff:127.0.0.1 because it is the IPv4 address 127.0.0.1', () => {
    expect(loopbackAndLinkLocal().check('::ffff:127.0.0.1', 'ipv6')).toBe(true)
  })
})
