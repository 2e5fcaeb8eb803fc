import { execFileSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { gzipSync } from 'node:zlib'
import { describe, expect, test, vi } from 'vitest'
import { baseKey, downloadKey, type ImageCache, type ImageCacheOptions, type ImageSource } from './image-cache.ts'
import { type ImageCacheFixture, sha256Of, withImageCache } from './testing/image-cache.ts'

vi.setConfig({ testTimeout: 60_000 })

const fixture = withImageCache()

describe('ensure', () => {
  test.each([
    ['qcow2', [], 'asIs', 'qcow2'],
    ['qcow2', ['-c'], 'raw', 'raw'],
    ['raw', [], 'asIs', 'raw'],
    ['vmdk', [], 'asIs', 'qcow2'],
    ['vdi', [], 'raw', 'raw'],
    ['vhdx', [], 'asIs', 'qcow2'],
  ] as const)(
    'makes one base from a %s image with %j when baseFormat is %s',
    async (format, args, baseFormat, made) => {
      const f = fixture()
      f.body = f.makeImage(format, ...args)
      const cache = await f.open({ baseFormat })
      const base = await cache.ensure(f.image({ format }), 'server-1', f.fetchContext())
      expect(base).toMatchObject({ key: sha256Of(f.body).replace(':', '-'), format: made })
      expect(f.contentOf(base).subarray(0, 400_000).equals(f.raw)).toBe(true)
      expect(f.list('work')).toEqual([])
      await cache.ensure(f.image({ format }), 'server-2', f.fetchContext())
      expect(f.server.requests).toHaveLength(1)
    },
  )

  test('makes one base for each Image and URL when there is no checksum', async () => {
    const f = fixture()
    const cache = await f.open()
    const { checksum: _, ...image } = f.image()
    const one = await cache.ensure(image, 's', f.fetchContext())
    const two = await cache.ensure({ ...image, uid: 'image-2' }, 's', f.fetchContext())
    expect(one.key).not.toBe(two.key)
    expect(f.server.requests).toHaveLength(2)
  })

  test('keeps the content of an Image with credentials from Images that only know its checksum', async () => {
    const f = fixture()
    const cache = await f.open()
    const authorize = async () => 'Basic bWU6czNjcjN0'
    const one = await cache.ensure({ ...f.image(), authorize }, 's', f.fetchContext())
    f.server.setBehaviour(() => ({ body: f.body, status: 404 }))
    const call = cache.ensure(f.image({ uid: 'image-2' }), 's', f.fetchContext())
    await expect(call).rejects.toMatchObject({ code: 'ImageDownloadFailed' })
    const again = await cache.ensure(
      { ...f.image(), authorize: () => Promise.reject(new Error('asked')) },
      's',
      f.fetchContext(),
    )
    expect(again.key).toBe(one.key)
    expect(one.key).toMatch(/^private-[0-9a-f]{64}$/)
    expect(readFileSync(join(f.cacheDir, 'bases', one.key, 'record.json'), 'utf8')).not.toContain('Basic')
  })

  test('downloads once for all servers that wait, and reports the progress to each', async () => {
    const f = fixture()
    const { promise: gate, resolve: openGate } = Promise.withResolvers<void>()
    f.server.setBehaviour(() => ({ body: f.body, gate }))
    const cache = await f.open()
    const progress = Array.from({ length: 8 }, () => 0)
    const calls = progress.map((_, i) =>
      cache.ensure(f.image(), `server-${i}`, { ...f.fetchContext(), progress: (bytes) => (progress[i] = bytes) }),
    )
    openGate()
    const bases = await Promise.all(calls)
    expect(new Set(bases.map(({ path }) => path)).size).toBe(1)
    expect(progress).toEqual(progress.map(() => f.body.length))
    expect(f.server.requests).toHaveLength(1)
    expect(f.list('bases', baseKey(f.image()), 'pins')).toHaveLength(8)
  })

  test('continues for the others when one caller aborts', async () => {
    const f = fixture()
    const { promise: gate, resolve: openGate } = Promise.withResolvers<void>()
    f.server.setBehaviour(() => ({ body: f.body, gate }))
    const cache = await f.open()
    const controllers = [new AbortController(), new AbortController()]
    const [first, second] = controllers.map(({ signal }, i) => cache.ensure(f.image(), `s${i}`, { signal }))
    controllers[0]!.abort(new Error('first has gone'))
    await expect(first).rejects.toThrow('first has gone')
    openGate()
    expect(await second).toMatchObject({ key: baseKey(f.image()) })
    expect(f.server.requests).toHaveLength(1)
  })

  test('stops when the last caller aborts, and continues at the next call', async () => {
    const f = fixture()
    const cache = await f.open()
    const image = f.image({ checksum: sha256Of(f.raw), format: 'raw' })
    f.server.setBehaviour(() => ({ body: f.raw, cutAfter: 100_000 }))
    const controller = new AbortController()
    const progress = (bytes: number) => bytes === 100_000 && controller.abort(new Error('the only caller has gone'))
    const call = cache.ensure(image, 's', { signal: controller.signal, progress })
    await expect(call).rejects.toThrow('the only caller has gone')
    f.server.setBehaviour(() => ({ body: f.raw }))
    await cache.ensure(image, 's', f.fetchContext())
    expect(f.server.requests.at(-1)?.range).toBe('bytes=100000-')
  })

  test('downloads once when two processes ask at the same time', async () => {
    const f = fixture()
    const { promise: gate, resolve: openGate } = Promise.withResolvers<void>()
    f.server.setBehaviour(() => ({ body: f.body, gate }))
    const children = [f.spawnFetch('a'), f.spawnFetch('b')]
    const outputs = children.map(({ stdout }) => text(stdout!))
    // /proc/locks marks a process that waits for a lock with "->" (proc(5)).
    const lock = join(f.cacheDir, 'locks', downloadKey(f.image()))
    await vi.waitFor(
      () => expect(readFileSync('/proc/locks', 'utf8')).toMatch(new RegExp(`-> FLOCK .*:${statSync(lock).ino} `)),
      20_000,
    )
    await vi.waitFor(() => expect(f.server.requests).toHaveLength(1), 20_000)
    openGate()
    for (const output of await Promise.all(outputs)) expect(output).toContain('base {')
    expect(f.server.requests).toHaveLength(1)
    expect(f.list('bases', baseKey(f.image()), 'pins').sort()).toEqual(['a', 'b'])
  })

  test('fails only for the Image with a bad URL when two Images have the same checksum', async () => {
    const f = fixture()
    const cache = await f.open()
    const [good, bad] = await Promise.allSettled([
      cache.ensure(f.image(), 'a', f.fetchContext()),
      cache.ensure(f.image({ url: 'file:///etc/passwd' }), 'b', f.fetchContext()),
    ])
    expect(bad).toMatchObject({ status: 'rejected', reason: { kind: 'Terminal', code: 'ImageSourceNotAllowed' } })
    expect(good).toMatchObject({ status: 'fulfilled' })
  })

  test('throws a fault of this host when the file of a host has wrong bytes, and no such fault for a URL', async () => {
    const f = fixture()
    const cache = await f.open({ fileRoots: [f.dir] })
    const file = join(f.dir, 'copy.qcow2')
    writeFileSync(file, f.body.subarray(0, 1000))
    const wrong = { checksum: sha256Of(f.raw) }
    const error = { kind: 'Terminal', code: 'ImageChecksumMismatch' }
    await expect(
      cache.ensure(f.image({ url: `file://${file}`, ...wrong }), 'a', f.fetchContext()),
    ).rejects.toMatchObject({ ...error, isHostFault: true })
    await expect(cache.ensure(f.image(wrong), 'b', f.fetchContext())).rejects.toMatchObject({
      ...error,
      isHostFault: false,
    })
  })

  test('throws a fault of this host when the file of a host is a page, or was copied by half', async () => {
    const f = fixture()
    const cache = await f.open({ fileRoots: [f.dir] })
    const file = join(f.dir, 'copy.qcow2')
    for (const [body, code] of [
      [Buffer.from('<!DOCTYPE html><html>please sign in</html>'), 'ImageNotADisk'],
      [f.body.subarray(0, f.body.length / 2), 'ImageTruncated'],
    ] as const) {
      writeFileSync(file, body)
      const { checksum: _, ...image } = f.image({ url: `file://${file}`, uid: code })
      await expect(cache.ensure(image, code, f.fetchContext())).rejects.toMatchObject({
        kind: 'Terminal',
        code,
        isHostFault: true,
      })
    }
  })

  test('throws ImageFormatMismatch when a cached base has another format than the Image claims', async () => {
    const f = fixture()
    const cache = await f.open()
    await cache.ensure(f.image(), 's', f.fetchContext())
    const call = cache.ensure(f.image({ format: 'raw' }), 's', f.fetchContext())
    await expect(call).rejects.toMatchObject({ code: 'ImageFormatMismatch' })
  })
})

describe('ensure leaves nothing, and fails again, for an image with', () => {
  type Arrange = (f: ImageCacheFixture) => Partial<ImageSource>
  const cases: [string, Arrange, Partial<ImageCacheOptions>, code: string][] = [
    ['a wrong checksum', (f) => ({ checksum: sha256Of(f.raw) }), {}, 'ImageChecksumMismatch'],
    ['another format', () => ({ format: 'raw' }), {}, 'ImageFormatMismatch'],
    ['too large a disk', (f) => f.serveEmptyImage('17T'), {}, 'ImageTooLarge'],
    ['too large a file', () => ({}), { maxBytes: 1000 }, 'ImageTooLarge'],
    [
      'a file of the host as its source',
      () => ({ url: 'file:///etc/passwd', format: 'raw' }),
      {},
      'ImageSourceNotAllowed',
    ],
    ['a backing file', (f) => f.serveEmptyImage('1M', '-F', 'raw', '-b', '/etc/passwd'), {}, 'ImageUnsafe'],
  ]
  test.each(cases)('%s', async (_, arrange, options, code) => {
    const f = fixture()
    const cache = await f.open(options)
    const image = f.image(arrange(f))
    await expect(cache.ensure(image, 's', f.fetchContext())).rejects.toMatchObject({ kind: 'Terminal', code })
    await expect(cache.ensure(image, 's', f.fetchContext())).rejects.toMatchObject({ kind: 'Terminal', code })
    expect([...f.list('bases'), ...f.list('work')]).toEqual([])
  })
})

describe('ensure names what is no disk,', () => {
  const page = Buffer.from('<!DOCTYPE html><html><title>Sign in</title></html>')
  test.each(['qcow2', 'raw', 'vmdk', 'vdi', 'vhdx'] as const)('for an Image with format %s', async (format) => {
    const f = fixture()
    const cache = await f.open()
    const { checksum: _, ...image } = f.image({ format })
    for (const [bytes, contentType, message] of [
      [
        gzipSync(f.body),
        'application/gzip',
        'the source gave a file compressed with gzip, of the Content-Type application/gzip, and no disk: unpack it (gunzip), publish the result, and create an Image with its URL and checksum',
      ],
      [
        page,
        'text/html; charset=utf-8',
        'the source gave an HTML page, of the Content-Type text/html, and no disk: see what the URL gives (curl -L), and create an Image with the URL of a disk image',
      ],
    ] as const) {
      f.server.setBehaviour(() => ({ body: bytes, contentType }))
      const error = { kind: 'Terminal', code: 'ImageNotADisk', message }
      await expect(cache.ensure(image, 's', f.fetchContext())).rejects.toMatchObject(error)
    }
    expect([...f.list('bases'), ...f.list('work')]).toEqual([])
  })

  test('also when the checksum does not match', async () => {
    const f = fixture()
    const cache = await f.open()
    f.server.setBehaviour(() => ({ body: page, contentType: 'text/html' }))
    await expect(cache.ensure(f.image(), 's', f.fetchContext())).rejects.toMatchObject({
      code: 'ImageChecksumMismatch',
      message: expect.stringContaining('the source gave an HTML page, of the Content-Type text/html, and no disk'),
    })
  })

  test('by the media type alone when the bytes show nothing', async () => {
    const f = fixture()
    const cache = await f.open()
    f.server.setBehaviour(() => ({ body: f.raw, contentType: 'text/html' }))
    const { checksum: _, ...image } = f.image({ format: 'raw' })
    await expect(cache.ensure(image, 's', f.fetchContext())).rejects.toMatchObject({
      code: 'ImageNotADisk',
      message: expect.stringContaining('the source gave a page, of the Content-Type text/html'),
    })
    const verified = { ...image, checksum: sha256Of(f.raw) }
    expect(await cache.ensure(verified, 's', f.fetchContext())).toMatchObject({ format: 'raw' })
  })

  test('and uses a disk that is served as a text', async () => {
    const f = fixture()
    const cache = await f.open()
    f.server.setBehaviour(() => ({ body: f.body, contentType: 'text/html' }))
    const { checksum: _, ...image } = f.image()
    expect(await cache.ensure(image, 's', f.fetchContext())).toMatchObject({ format: 'qcow2' })
  })
})

describe('ensure throws ImageTruncated without Content-Length and checksum', () => {
  const cutTo = (bytes: Buffer, share: number) => bytes.subarray(0, Math.floor(bytes.length * share))
  test.each([
    ['qcow2', []],
    ['qcow2', ['-c']],
    ['vmdk', []],
    ['vmdk', ['-o', 'subformat=streamOptimized']],
    ['vdi', []],
    ['vhdx', []],
  ] as const)('for parts of a %s made with %j', async (format, args) => {
    const f = fixture()
    writeFileSync(join(f.dir, 'raw'), randomBytes(30_000_000))
    const whole = f.convertRaw(format, ...args)
    const cache = await f.open()
    const { checksum: _, ...image } = f.image({ format })
    for (const share of [0.25, 0.5, 0.9]) {
      f.server.setBehaviour(() => ({ body: cutTo(whole, share), chunked: true, etag: null }))
      await expect(cache.ensure(image, 's', f.fetchContext()), String(share)).rejects.toMatchObject({
        kind: 'Terminal',
        code: 'ImageTruncated',
      })
    }
    f.server.setBehaviour(() => ({ body: whole, chunked: true, etag: null }))
    expect(f.hasContent(await cache.ensure(image, 's', f.fetchContext()))).toBe(true)
  })

  test('for half of a raw disk with a partition table, unless the Image has its checksum', async () => {
    const f = fixture()
    const whole = Buffer.alloc(40_000_000)
    whole[446 + 4] = 0x83
    whole.writeUInt32LE(2048, 446 + 8)
    whole.writeUInt32LE(40_000_000 / 512 - 2048, 446 + 12)
    whole.writeUInt16LE(0xaa55, 510)
    const half = cutTo(whole, 0.5)
    const cache = await f.open()
    const { checksum: _, ...image } = f.image({ format: 'raw' })
    f.server.setBehaviour(() => ({ body: half, chunked: true, etag: null }))
    await expect(cache.ensure(image, 's', f.fetchContext())).rejects.toMatchObject({ code: 'ImageTruncated' })
    const verified = { ...image, checksum: sha256Of(half) }
    expect(await cache.ensure(verified, 's', f.fetchContext())).toMatchObject({ format: 'raw' })
  })
})

describe('ensure throws DiskFull, leaves nothing, and succeeds later', () => {
  const diskFull = (message: RegExp) => ({
    kind: 'Transient',
    code: 'DiskFull',
    message: expect.stringMatching(message),
  })

  async function expectSuccessLater(f: ImageCacheFixture, cache: ImageCache, makeSpace: () => void): Promise<void> {
    expect([...f.list('bases'), ...f.list('work')]).toEqual([])
    makeSpace()
    expect(f.hasContent(await cache.ensure(f.image(), 's', f.fetchContext()))).toBe(true)
  }

  test('when there is space for the image but not for the disk in it', async () => {
    const f = fixture()
    writeFileSync(join(f.dir, 'raw'), Buffer.alloc(3_000_000, 'text that compresses well'))
    f.body = f.convertRaw('qcow2', '-c')
    expect(f.body.length).toBeLessThan(1_000_000)
    let free = 1_000_000
    const cache = await f.open({ baseFormat: 'raw', hasSpace: async (bytes) => bytes <= free })
    const message = /^no space for the \d+ bytes of the image as raw: free some/
    await expect(cache.ensure(f.image(), 's', f.fetchContext())).rejects.toMatchObject(diskFull(message))
    await expectSuccessLater(f, cache, () => (free = 10_000_000))
  })

  test('when guests take the reserved space during the conversion', async () => {
    const f = fixture()
    const qemuImg = execFileSync('which', ['qemu-img'], { encoding: 'utf8' }).trim()
    const slow = `#!/bin/sh\n${qemuImg} "$@"\n[ "$1" != convert ] || sleep 300\n`
    mkdirSync(join(f.dir, 'slow'))
    writeFileSync(join(f.dir, 'slow/qemu-img'), slow, { mode: 0o755 })
    vi.stubEnv('PATH', `${join(f.dir, 'slow')}:${process.env['PATH']}`)
    f.stack.defer(() => void vi.unstubAllEnvs())
    let isFree = true
    let doGuestsWrite = true
    const disks = () => f.list('work').filter((name) => existsSync(join(f.cacheDir, 'work', name, 'base/disk')))
    const cache = await f.open({
      baseFormat: 'raw',
      hasSpace: async () => (isFree &&= !doGuestsWrite || disks().length === 0),
    })
    const message = /^no space for the image as raw: free some/
    await expect(cache.ensure(f.image(), 's', f.fetchContext())).rejects.toMatchObject(diskFull(message))
    vi.unstubAllEnvs()
    await expectSuccessLater(f, cache, () => {
      doGuestsWrite = false
      isFree = true
    })
  })
})
