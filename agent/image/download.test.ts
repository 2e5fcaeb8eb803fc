import { createHash, randomBytes } from 'node:crypto'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { BlockList } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { type DownloadOptions, download } from './download.ts'
import { privateAddresses, type SourceOptions, Sources } from './source.ts'
import { type Behaviour, TestServer } from './testing/server.ts'

// Other programs do the work here, on machines that may be busy.
vi.setConfig({ testTimeout: 60_000 })

const body = randomBytes(300_000)
const other = randomBytes(300_000)
const sha = (bytes: Buffer, algorithm = 'sha256') => `${algorithm}:${createHash(algorithm).update(bytes).digest('hex')}`

const createSources = (more: Partial<SourceOptions> = {}) =>
  new Sources({ fileRoots: [], stallTimeout: 60_000, ...more })

let dir: string
let stack: AsyncDisposableStack
let sources: Sources
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'download-'))
  stack = new AsyncDisposableStack()
  stack.defer(() => rmSync(dir, { recursive: true, force: true }))
  sources = stack.use(createSources({ blocked: new BlockList(), fileRoots: [dir] }))
})
afterEach(() => stack.disposeAsync())

let server: TestServer | undefined
const serve = async (behaviour: (request: number, path: string) => Behaviour) => {
  server = stack.use(await TestServer.start(behaviour))
  return server
}

const options = (url: string, more: Partial<DownloadOptions> = {}): DownloadOptions => ({
  url,
  target: join(dir, 'part'),
  maxBytes: 1_000_000,
  room: async () => true,
  signal: AbortSignal.timeout(30_000),
  retry: { firstDelay: 1, attempts: 3 },
  progress: (n) => server?.seen(n),
  ...more,
})
const fetched = () => readFileSync(join(dir, 'part'))
const left = () => readdirSync(dir).filter((n) => n.startsWith('part'))

describe('whatever the server does, the bytes are right', () => {
  const cut = { body, cutAfter: 100_000 }
  const lastModified = 'Wed, 01 Jan 2026 00:00:00 GMT'
  const cases: [
    string,
    (request: number) => Behaviour,
    checksum: boolean,
    requests: number,
    lastRange: string | undefined,
  ][] = [
    ['nothing', () => ({ body }), true, 1, undefined],
    ['no length', () => ({ body, chunked: true }), true, 1, undefined],
    ['two cuts', (n) => (n < 2 ? cut : { body }), true, 3, 'bytes=200000-'],
    ['two cuts, no checksum', (n) => (n < 2 ? cut : { body }), false, 3, 'bytes=200000-'],
    ['a cut without length', (n) => (n < 1 ? { ...cut, chunked: true } : { body }), false, 2, 'bytes=100000-'],
    [
      'a cut, only Last-Modified',
      (n) => ({ ...(n < 1 ? cut : { body }), etag: null, lastModified }),
      false,
      2,
      'bytes=100000-',
    ],
    ['a cut, weak ETag: begins anew', (n) => ({ ...(n < 1 ? cut : { body }), etag: 'W/"x"' }), false, 2, undefined],
    [
      'a cut, no validator, but a checksum',
      (n) => ({ ...(n < 1 ? cut : { body }), etag: null }),
      true,
      2,
      'bytes=100000-',
    ],
    ['a cut, Range not heeded', (n) => ({ ...(n < 1 ? cut : { body }), ranges: true }), false, 2, 'bytes=100000-'],
    [
      'a cut, then other content',
      (n) => (n < 1 ? { body: other, cutAfter: 100_000 } : { body }),
      false,
      2,
      'bytes=100000-',
    ],
    [
      'the same, If-Range not heeded',
      (n) => (n < 1 ? { body: other, cutAfter: 100_000 } : { body, ranges: 'blind' }),
      false,
      3,
      undefined,
    ],
    [
      'the same, and the ETag lies',
      (n) => ({ ...(n < 1 ? { body: other, cutAfter: 100_000 } : { body }), etag: '"same"' }),
      true,
      3,
      undefined,
    ],
    ['a range that is none', (n) => (n < 1 ? cut : { body, ranges: 'lies' }), true, 3, undefined],
    ['errors that pass', (n) => (n < 2 ? { body, status: [503, 429][n]! } : { body }), true, 3, undefined],
    [
      'a shorter content than before',
      (n) => (n < 1 ? { body: Buffer.concat([body, other]), cutAfter: 300_000, etag: null } : { body, etag: null }),
      true,
      3,
      undefined,
    ],
  ]
  test.each(cases)('%s', async (_, behaviour, checksum, requests, lastRange) => {
    const server = await serve(behaviour)
    const seen: number[] = []
    await download(
      sources,
      options(server.url, {
        ...(checksum && { checksum: sha(body) }),
        progress: (n) => (seen.push(n), server.seen(n)),
      }),
    )
    expect(fetched().equals(body)).toBe(true)
    expect(server.requests).toHaveLength(requests)
    expect(server.requests.at(-1)?.range).toBe(lastRange)
    expect(seen.at(-1)).toBe(body.length)
  })
})

describe('an earlier process left a part', () => {
  test.each([sha(body), sha(body, 'sha512'), undefined])('it is gone on with (checksum %s)', async (checksum) => {
    const server = await serve(() => ({ body, cutAfter: 150_000 }))
    const more = { ...(checksum !== undefined && { checksum }), retry: { attempts: 1 } }
    await expect(download(sources, options(server.url, more))).rejects.toMatchObject({
      kind: 'Transient',
      code: 'ImageDownloadFailed',
    })
    expect(fetched()).toHaveLength(150_000)
    server.become(() => ({ body }))
    await download(sources, options(server.url, more))
    expect(server.requests.at(-1)?.range).toBe('bytes=150000-')
    expect(fetched().equals(body)).toBe(true)
  })

  test('of which a byte is wrong: fetched anew, once', async () => {
    const server = await serve(() => ({ body }))
    writeFileSync(join(dir, 'part'), Buffer.concat([body.subarray(0, 5), Buffer.from('X'), body.subarray(6, 1000)]))
    writeFileSync(join(dir, 'part.json'), JSON.stringify({ url: server.url, validator: etag() }))
    await download(sources, options(server.url, { checksum: sha(body) }))
    expect(server.requests.map((r) => r.range)).toEqual(['bytes=1000-', undefined])
    expect(fetched().equals(body)).toBe(true)
  })

  test.each(['{"url":"http://elsewhere/"}', '{"url', ''])(
    'of something else, or unknown (%s): not used',
    async (note) => {
      const server = await serve(() => ({ body }))
      writeFileSync(join(dir, 'part'), body.subarray(0, 1000))
      if (note) writeFileSync(join(dir, 'part.json'), note)
      await download(sources, options(server.url))
      expect(server.requests.map((r) => r.range)).toEqual([undefined])
    },
  )

  test('that is whole: nothing is fetched', async () => {
    const server = await serve(() => ({ body }))
    await download(sources, options(server.url, { checksum: sha(body) }))
    await download(sources, options(server.url, { checksum: sha(body) }))
    expect(server.requests).toHaveLength(1)
  })

  const etag = () => `"${createHash('md5').update(body).digest('hex')}"`
})

describe('what cannot succeed leaves nothing', () => {
  const wrong = sha(other)
  const cases: [string, Behaviour, Partial<DownloadOptions>, object][] = [
    [
      'wrong checksum',
      { body },
      { checksum: wrong },
      { kind: 'Terminal', code: 'ImageChecksumMismatch', message: expect.stringContaining(sha(body)) },
    ],
    ['wrong checksum, says the wanted one', { body }, { checksum: wrong }, { message: expect.stringContaining(wrong) }],
    [
      'not there',
      { body, status: 404 },
      {},
      { kind: 'Terminal', code: 'ImageDownloadFailed', message: expect.stringContaining('answers 404') },
    ],
    ['too large, says the server', { body }, { maxBytes: 1000 }, { kind: 'Terminal', code: 'ImageTooLarge' }],
    ['too large, unsaid', { body, chunked: true }, { maxBytes: 1000 }, { kind: 'Terminal', code: 'ImageTooLarge' }],
    ['no room', { body }, { room: async (n) => n < body.length }, { kind: 'Transient', code: 'DiskFull' }],
    ['no room at all, unsaid', { body, chunked: true }, { room: async () => false }, { code: 'DiskFull' }],
    [
      'redirect to a file',
      { body, status: 302, location: 'file:///etc/passwd' },
      {},
      { kind: 'Terminal', code: 'ImageSourceRefused' },
    ],
    [
      'redirects for ever',
      { body, status: 302, location: '/again' },
      {},
      { kind: 'Terminal', code: 'ImageDownloadFailed' },
    ],
  ]
  test.each(cases)('%s', async (_, behaviour, more, error) => {
    const server = await serve(() => behaviour)
    await expect(download(sources, options(server.url, more))).rejects.toMatchObject(error)
    expect(left()).toEqual([])
  })
})

describe('room is asked for again while bytes come', () => {
  const MiB = 1024 ** 2
  const large = Buffer.alloc(80 * MiB)
  /** There is room at the beginning. */
  const ending = () => {
    const asked: number[] = []
    return { asked, room: async (bytes: number) => asked.push(bytes) < 2 }
  }
  const cases: [string, Partial<Behaviour>, asked: (total: number) => number[], message: RegExp][] = [
    ['of no length', { chunked: true }, () => [0, 0], /no space for more than the first \d+ bytes of the image/],
    ['of a length', {}, (n) => [n, n - 64 * MiB], /no space for the \d+ bytes that are missing/],
  ]
  test.each(cases)('a source %s: ends with the room, and leaves nothing', async (_, behaviour, wanted, message) => {
    const server = await serve(() => ({ body: large, etag: null, ...behaviour }))
    const { asked, room } = ending()
    let seen = 0
    const more = { room, maxBytes: large.length, progress: (n: number) => (seen = n) }
    const error = { kind: 'Transient', code: 'DiskFull', message: expect.stringMatching(message) }
    await expect(download(sources, options(server.url, more))).rejects.toMatchObject(error)
    expect(left()).toEqual([])
    expect(server.requests).toHaveLength(1)
    expect(seen).toBeGreaterThanOrEqual(64 * MiB)
    expect(seen).toBeLessThan(68 * MiB)
    // It is asked between chunks.
    expect(asked).toHaveLength(2)
    wanted(large.length).forEach((n, i) => expect(Math.abs(n - (asked[i] ?? NaN))).toBeLessThan(4 * MiB))
  })
})

test('a password or token in the URL is not in the message', async () => {
  const server = await serve(() => ({ body, status: 403 }))
  const url = `${server.url.replace('//', '//me:secret1@')}?token=secret2`
  const error = await download(sources, options(url)).catch((e: unknown) => e)
  expect(error).toMatchObject({ message: expect.stringMatching(/\/image: it answers 403$/) })
  expect(String(error)).not.toMatch(/secret/)
})

test('no server: Transient, after its attempts', async () => {
  const server = await TestServer.start(() => ({ body }))
  const { url } = server
  await server[Symbol.asyncDispose]()
  await expect(download(sources, options(url))).rejects.toMatchObject({
    kind: 'Transient',
    code: 'ImageDownloadFailed',
  })
})

test('aborted in the middle: throws the reason, keeps the part', async () => {
  const controller = new AbortController()
  const server = await serve(() => ({ body, cutAfter: 50_000 }))
  const reason = new Error('enough')
  const progress = (bytes: number) => {
    if (bytes === 50_000) controller.abort(reason)
  }
  await expect(download(sources, options(server.url, { signal: controller.signal, progress }))).rejects.toBe(reason)
  expect(fetched()).toHaveLength(50_000)
})

test('a silent connection is given up', async () => {
  const impatient = stack.use(createSources({ blocked: new BlockList(), stallTimeout: 50 }))
  const { promise: gate, resolve: open } = Promise.withResolvers<void>()
  stack.defer(open)
  const server = await serve((n) => (n === 0 ? { body, gate } : { body }))
  await download(impatient, options(server.url, { checksum: sha(body) }))
  expect(server.requests.length).toBeGreaterThan(1)
})

describe('addresses that images may not come from', () => {
  const guarded = () => stack.use(createSources())
  test.each([
    'http://127.0.0.1:1/x',
    'http://[::1]:1/x',
    'http://localhost:1/x',
    'http://169.254.169.254/latest',
    'http://[fe80::1]/x',
  ])('%s', async (url) => {
    await expect(download(guarded(), options(url))).rejects.toMatchObject({
      kind: 'Terminal',
      code: 'ImageSourceRefused',
    })
  })
  test('nor by a redirect', async () => {
    const blocked = new BlockList()
    blocked.addAddress('169.254.169.254')
    const server = await serve(() => ({ body, status: 302, location: 'http://169.254.169.254/latest/user-data' }))
    const some = stack.use(createSources({ blocked }))
    await expect(download(some, options(server.url))).rejects.toMatchObject({ code: 'ImageSourceRefused' })
  })
  test('an IPv4 address in IPv6 form is the IPv4 address', () => {
    expect(privateAddresses().check('::ffff:127.0.0.1', 'ipv6')).toBe(true)
  })
})

describe('file sources', () => {
  test('in a folder of the operator', async () => {
    writeFileSync(join(dir, 'image'), body)
    await download(sources, options(`file://${dir}/image`, { checksum: sha(body) }))
    expect(fetched().equals(body)).toBe(true)
  })
  test.each([
    ['another folder', () => 'file:///etc/hostname'],
    ['dots', () => `file://${dir}/../../etc/hostname`],
    ['a link that leads out', () => (symlinkSync('/etc/hostname', join(dir, 'link')), `file://${dir}/link`)],
    ['the name of the folder as a prefix', () => `file://${dir}x/image`],
  ])('%s is refused', async (_, url) => {
    await expect(download(sources, options(url()))).rejects.toMatchObject({
      kind: 'Terminal',
      code: 'ImageSourceRefused',
    })
    expect(existsSync(join(dir, 'part'))).toBe(false)
  })
  test('that are not there', async () => {
    await expect(download(sources, options(`file://${dir}/none`))).rejects.toMatchObject({
      kind: 'Terminal',
      code: 'ImageDownloadFailed',
    })
  })
})
