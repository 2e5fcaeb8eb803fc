import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { createHash, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { BlockList } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { text } from 'node:stream/consumers'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { ImageCache, type ImageCacheOptions, type ImageSource, keyOf, workOf } from './cache.ts'
import { lockFile } from './lock.ts'
import type { Base } from './store.ts'
import { type Behaviour, TestServer } from './testing/server.ts'

// Other programs do the work here, on machines that may be busy.
vi.setConfig({ testTimeout: 60_000 })

let dir: string
let stack: AsyncDisposableStack
let server: TestServer
let body: Buffer
beforeEach(async () => {
  dir = mkdtempSync(join(tmpdir(), 'cache-'))
  stack = new AsyncDisposableStack()
  stack.defer(() => rmSync(dir, { recursive: true, force: true }))
  body = make('qcow2')
  server = stack.use(await TestServer.start(() => ({ body })))
})
afterEach(() => stack.disposeAsync())

/** An image with random data at its beginning. */
function make(format: string, ...more: string[]): Buffer {
  writeFileSync(join(dir, 'raw'), randomBytes(400_000))
  execFileSync('qemu-img', ['convert', '-f', 'raw', '-O', format, ...more, join(dir, 'raw'), join(dir, 'made')])
  return readFileSync(join(dir, 'made'))
}
/** Serves an empty qcow2 of this size; returns its checksum. */
function emptyImage(size: string, ...more: string[]): Partial<ImageSource> {
  execFileSync('qemu-img', ['create', '-q', '-f', 'qcow2', ...more, join(dir, 'made'), size])
  body = readFileSync(join(dir, 'made'))
  return { checksum: sha(body) }
}
const raw = () => readFileSync(join(dir, 'raw'))
const sha = (bytes: Buffer) => `sha256:${createHash('sha256').update(bytes).digest('hex')}`
const image = (more: Partial<ImageSource> = {}): ImageSource => ({
  uid: 'image-1',
  url: server.url,
  checksum: sha(body),
  format: 'qcow2',
  ...more,
})
const cacheDir = () => join(dir, 'cache')
const fixed = { baseFormat: 'asIs' as const, fileRoots: [], stallTimeout: 60_000 }
const defaults = () => ({ ...fixed, directory: cacheDir(), maxBytes: 1024 ** 3, room: async () => true })
/** Limits that ask for no removal. */
const noLimits = { maxBytes: Number.POSITIVE_INFINITY, minFree: 0, maxAge: Number.POSITIVE_INFINITY }
const open = async (more: Partial<ImageCacheOptions> = {}) =>
  stack.use(await ImageCache.open({ ...defaults(), blocked: new BlockList(), retry: { attempts: 1 }, ...more }))
const context = () => ({ signal: AbortSignal.timeout(30_000), progress: (n: number) => server.seen(n) })
const folder = (name: string) => readdirSync(join(cacheDir(), name))
/** The disk of a base, as raw bytes. */
const content = (base: Base) => {
  execFileSync('qemu-img', ['convert', '-f', base.format, '-O', 'raw', base.path, join(dir, 'content')])
  return readFileSync(join(dir, 'content'))
}

describe('an image becomes a base', () => {
  test.each([
    ['qcow2', [], 'asIs', 'qcow2'],
    ['qcow2', ['-c'], 'raw', 'raw'],
    ['raw', [], 'asIs', 'raw'],
    ['vmdk', [], 'asIs', 'qcow2'],
    ['vdi', [], 'raw', 'raw'],
    ['vhdx', [], 'asIs', 'qcow2'],
  ] as const)('%s %j, bases %s', async (format, more, baseFormat, result) => {
    body = make(format, ...more)
    const cache = await open({ baseFormat })
    const base = await cache.ensure(image({ format }), 'server-1', context())
    expect(base).toMatchObject({ key: sha(body).replace(':', '-'), format: result })
    expect(content(base).subarray(0, 400_000).equals(raw())).toBe(true)
    expect(folder('work')).toEqual([])
    await cache.ensure(image({ format }), 'server-2', context())
    expect(server.requests).toHaveLength(1)
  })

  test('without a checksum: one for each Image and URL', async () => {
    const cache = await open()
    const { checksum: _, ...plain } = image()
    const one = await cache.ensure(plain, 's', context())
    const two = await cache.ensure({ ...plain, uid: 'image-2' }, 's', context())
    expect(one.key).not.toBe(two.key)
    expect(server.requests).toHaveLength(2)
  })
})

describe('one download', () => {
  test('however many servers wait, and all see its progress', async () => {
    const { promise: gate, resolve: go } = Promise.withResolvers<void>()
    server.become(() => ({ body, gate }))
    const cache = await open()
    const seen = Array.from({ length: 8 }, () => 0)
    const all = seen.map((_, i) =>
      cache.ensure(image(), `server-${i}`, { ...context(), progress: (n) => (seen[i] = n) }),
    )
    go()
    const bases = await Promise.all(all)
    expect(new Set(bases.map((b) => b.path)).size).toBe(1)
    expect(seen).toEqual(seen.map(() => body.length))
    expect(server.requests).toHaveLength(1)
    expect(readdirSync(join(cacheDir(), 'bases', keyOf(image()), 'pins'))).toHaveLength(8)
  })

  test('who goes away does not stop the others; when all have gone it stops, and is gone on with later', async () => {
    const { promise: gate, resolve: go } = Promise.withResolvers<void>()
    server.become(() => ({ body, gate }))
    const cache = await open()
    const controllers = [new AbortController(), new AbortController()]
    const [first, second] = controllers.map((c, i) => cache.ensure(image(), `s${i}`, { signal: c.signal }))
    controllers[0]!.abort(new Error('gone'))
    await expect(first).rejects.toThrow('gone')
    go()
    await second
    expect(server.requests).toHaveLength(1)
    const other = image({ uid: 'x', checksum: sha(raw()), format: 'raw' })
    server.become(() => ({ body: raw(), cutAfter: 100_000 }))
    const alone = new AbortController()
    const progress = (n: number) => n === 100_000 && alone.abort(new Error('gone'))
    await expect(cache.ensure(other, 's', { signal: alone.signal, progress })).rejects.toThrow('gone')
    server.become(() => ({ body: raw() }))
    await cache.ensure(other, 's', context())
    expect(server.requests.at(-1)?.range).toBe('bytes=100000-')
  })

  test('of two processes at once', async () => {
    const { promise: gate, resolve: go } = Promise.withResolvers<void>()
    server.become(() => ({ body, gate }))
    const children = [child('a'), child('b')]
    const outputs = children.map((c) => text(c.stdout!))
    // proc(5): "->" marks who is blocked. So one of them downloads and the other waits.
    const lock = join(cacheDir(), 'locks', workOf(image()))
    await vi.waitFor(
      () => expect(readFileSync('/proc/locks', 'utf8')).toMatch(new RegExp(`-> FLOCK .*:${statSync(lock).ino} `)),
      20_000,
    )
    await vi.waitFor(() => expect(server.requests).toHaveLength(1), 20_000)
    go()
    for (const output of await Promise.all(outputs)) expect(output).toContain('base {')
    expect(server.requests).toHaveLength(1)
    expect(readdirSync(join(cacheDir(), 'bases', keyOf(image()), 'pins')).sort()).toEqual(['a', 'b'])
  })
})

function child(owner: string, more: Partial<ImageCacheOptions> = {}, of = image()): ChildProcess {
  const script = join(import.meta.dirname, 'testing/ensure.ts')
  const args = [{ ...defaults(), ...more }, of, owner].map((a) => JSON.stringify(a))
  const process_ = spawn(process.execPath, [script, ...args], { stdio: ['ignore', 'pipe', 'inherit'] })
  stack.defer(() => void process_.kill('SIGKILL'))
  return process_
}

describe('kill -9, then another process', () => {
  async function killed(process_: ChildProcess): Promise<void> {
    process_.kill('SIGKILL')
    await once(process_, 'close')
  }

  test('in the download: it goes on from there', async () => {
    server.become(() => ({ body, cutAfter: 200_000, chunked: true }))
    const first = child('a')
    for await (const line of createInterface(first.stdout!)) if (line === 'bytes 200000') break
    await killed(first)
    server.become(() => ({ body }))
    const base = await (await open()).ensure(image(), 'b', context())
    expect(server.requests.at(-1)?.range).toBe('bytes=200000-')
    expect(content(base).subarray(0, 400_000).equals(raw())).toBe(true)
    expect(folder('work')).toEqual([])
  })

  const states: [string, (work: string) => void, requests: number][] = [
    ['after the download, before its name', (w) => renameSync(join(w, 'source'), join(w, 'source.part')), 1],
    ['after the download', () => undefined, 0],
    ['in the conversion', (w) => (mkdirSync(join(w, 'base')), writeFileSync(join(w, 'base/disk'), 'half')), 0],
    [
      'after the disk has its place, before its record',
      (w) => (mkdirSync(join(w, 'base')), renameSync(join(w, 'source'), join(w, 'base/disk'))),
      0,
    ],
    [
      'before the base is published',
      (w) => (
        mkdirSync(join(w, 'base')),
        renameSync(join(w, 'source'), join(w, 'base/disk')),
        writeFileSync(join(w, 'base/record.json'), '{"half')
      ),
      0,
    ],
  ]
  test.each(states)('%s', async (_, arrange, requests) => {
    const work = join(cacheDir(), 'work', workOf(image()))
    mkdirSync(work, { recursive: true })
    writeFileSync(join(work, 'source'), body)
    arrange(work)
    const base = await (await open()).ensure(image(), 'b', context())
    expect(content(base).subarray(0, 400_000).equals(raw())).toBe(true)
    expect(server.requests).toHaveLength(requests)
    expect(folder('work')).toEqual([])
  })

  test('the lock goes with its holder', async () => {
    const { promise: gate } = Promise.withResolvers<void>()
    let asked = () => {}
    const first = new Promise<void>((resolve) => (asked = resolve))
    server.become((): Behaviour => (asked(), { body, gate }))
    const holder = child('a')
    await first
    const path = join(cacheDir(), 'locks', workOf(image()))
    await expect(lockFile(path, AbortSignal.timeout(50))).rejects.toThrow(/timeout/i)
    await killed(holder)
    await using held = new AsyncDisposableStack()
    held.use(await lockFile(path, AbortSignal.timeout(10_000)))
  })
})

describe('what is refused leaves nothing, and can be tried again', () => {
  const cases: [string, () => Partial<ImageSource>, Partial<ImageCacheOptions>, object][] = [
    ['wrong checksum', () => ({ checksum: sha(raw()) }), {}, { kind: 'Terminal', code: 'ImageChecksumMismatch' }],
    ['another format', () => ({ format: 'raw' }), {}, { kind: 'Terminal', code: 'ImageFormatMismatch' }],
    ['too large a disk', () => emptyImage('17T'), {}, { kind: 'Terminal', code: 'ImageTooLarge' }],
    ['too large a file', () => ({}), { maxBytes: 1000 }, { kind: 'Terminal', code: 'ImageTooLarge' }],
    [
      'a file of the host',
      () => ({ url: 'file:///etc/passwd', format: 'raw' }),
      {},
      { kind: 'Terminal', code: 'ImageSourceRefused' },
    ],
    [
      'a backing file',
      () => emptyImage('1M', '-F', 'raw', '-b', '/etc/passwd'),
      {},
      { kind: 'Terminal', code: 'ImageUnsafe' },
    ],
  ]
  test('who gives the checksum of another’s image a source that is none spoils it for nobody', async () => {
    const cache = await open()
    const gone = { kind: 'Terminal', code: 'ImageSourceRefused' }
    const [right, wrong] = await Promise.allSettled([
      cache.ensure(image(), 'a', context()),
      cache.ensure(image({ url: 'file:///etc/passwd' }), 'b', context()),
    ])
    expect(wrong).toMatchObject({ status: 'rejected', reason: gone })
    expect(right).toMatchObject({ status: 'fulfilled' })
  })

  test.each(cases)('%s', async (_, more, options, error) => {
    const cache = await open(options)
    const wanted = image(more())
    await expect(cache.ensure(wanted, 's', context())).rejects.toMatchObject(error)
    await expect(cache.ensure(wanted, 's', context())).rejects.toMatchObject(error)
    expect([...folder('bases'), ...folder('work')]).toEqual([])
  })

  test('two Images with one checksum, of which one lies', async () => {
    const cache = await open()
    await cache.ensure(image(), 's', context())
    await expect(cache.ensure(image({ format: 'raw' }), 's', context())).rejects.toMatchObject({
      code: 'ImageFormatMismatch',
    })
  })
})

describe('a disk that is full when the image is converted: nothing stays, and it heals', () => {
  const full = (message: RegExp) => ({
    kind: 'Transient',
    code: 'DiskFull',
    message: expect.stringMatching(message),
  })

  async function heals(cache: ImageCache, free: () => void): Promise<void> {
    expect([...folder('bases'), ...folder('work')]).toEqual([])
    free()
    const base = await cache.ensure(image(), 's', context())
    expect(content(base).subarray(0, raw().length).equals(raw())).toBe(true)
  }

  test('before: room for what comes, and not for what is in it', async () => {
    const zeros = Buffer.alloc(3_000_000, 'zeros and such')
    writeFileSync(join(dir, 'raw'), zeros)
    execFileSync('qemu-img', ['convert', '-c', '-f', 'raw', '-O', 'qcow2', join(dir, 'raw'), join(dir, 'made')])
    body = readFileSync(join(dir, 'made'))
    expect(body.length).toBeLessThan(1_000_000)
    let free = 1_000_000
    const cache = await open({ baseFormat: 'raw', room: async (bytes) => bytes <= free })
    const message = /^no space for the \d+ bytes of the image as raw$/
    await expect(cache.ensure(image(), 's', context())).rejects.toMatchObject(full(message))
    await heals(cache, () => (free = 10_000_000))
  })

  test('meanwhile: others take what is kept free', async () => {
    // qemu-img on a disk that is slow.
    const real = execFileSync('which', ['qemu-img'], { encoding: 'utf8' }).trim()
    const slow = `#!/bin/sh\n${real} "$@"\n[ "$1" != convert ] || sleep 300\n`
    mkdirSync(join(dir, 'slow'))
    writeFileSync(join(dir, 'slow/qemu-img'), slow, { mode: 0o755 })
    vi.stubEnv('PATH', `${join(dir, 'slow')}:${process.env['PATH']}`)
    stack.defer(() => void vi.unstubAllEnvs())
    let free = true
    const disks = () => folder('work').filter((name) => existsSync(join(cacheDir(), 'work', name, 'base/disk')))
    const room = async () => (free &&= disks().length === 0)
    const cache = await open({ baseFormat: 'raw', room })
    await expect(cache.ensure(image(), 's', context())).rejects.toMatchObject(
      full(/^no space left for the image as raw$/),
    )
    vi.unstubAllEnvs()
    await heals(cache, () => (free = true))
  })
})

describe('clean', () => {
  test('takes what no server uses, oldest first; a pinned base stays', async () => {
    const cache = await open()
    const bases: Base[] = []
    for (const uid of ['a', 'b', 'c']) {
      const { checksum: _, ...plain } = image({ uid })
      bases.push(await cache.ensure(plain, `server-${uid}`, context()))
    }
    bases.forEach((b, i) => utimesSync(join(b.path, '..'), 1000 + i, 1000 + i))
    await cache.unpin('server-b')
    await cache.unpin('server-c')
    await cache.unpin('server-c')
    const bytes = statSync(bases[0]!.path).blocks * 512
    expect(await cache.clean({ ...noLimits, maxBytes: 2 * bytes })).toEqual([bases[1]!.key])
    expect(await cache.clean({ ...noLimits, maxBytes: 0 })).toEqual([bases[2]!.key])
    expect(await cache.clean({ maxAge: 0, maxBytes: 0, minFree: Number.MAX_SAFE_INTEGER })).toEqual([])
    expect(existsSync(bases[0]!.path)).toBe(true)
    expect(folder('trash')).toEqual([])
  })

  test('a pin of a server that went before its image came does not hold the base', async () => {
    const cache = await open()
    const base = await cache.ensure(image(), 'gone', context())
    await cache.ensure(image(), 'there', context())
    await cache.dropPins(async (owner) => owner === 'there')
    expect(await cache.clean({ ...noLimits, maxBytes: 0 })).toEqual([])
    await cache.unpin('there')
    expect(await cache.clean({ ...noLimits, maxBytes: 0 })).toEqual([base.key])
  })

  test('a removal that a crash interrupted: finished, or undone if somebody pinned it in the meantime', async () => {
    const first = await open()
    const base = await first.ensure(image(), 's', context())
    const trash = join(cacheDir(), 'trash', `${base.key}.0123456789ab`)
    renameSync(join(base.path, '..'), trash)
    await open()
    expect(existsSync(base.path)).toBe(true)
    await first.unpin('s')
    renameSync(join(base.path, '..'), trash)
    await open()
    expect([...folder('trash'), ...folder('bases')]).toEqual([])
  })

  test('old downloads go, young ones stay', async () => {
    const cache = await open()
    const work = join(cacheDir(), 'work/url-x')
    mkdirSync(work)
    writeFileSync(join(work, 'source.part'), 'x')
    await cache.clean({ ...noLimits, maxAge: 1000 }, Date.now())
    expect(folder('work')).toEqual(['url-x'])
    await cache.clean({ ...noLimits, maxAge: 1000 }, Date.now() + 5000)
    expect(folder('work')).toEqual([])
  })

  test('while servers come and go: a base that was given is there as long as it is pinned', async () => {
    const [cache, cleaner] = [await open(), await open()]
    for (let n = 0; n < 10; n++) {
      const cleaning = Array.from({ length: 4 }, () => cleaner.clean({ ...noLimits, maxBytes: 0 }))
      const base = await cache.ensure(image(), 's', context())
      await Promise.all(cleaning)
      expect(await cleaner.clean({ ...noLimits, maxBytes: 0 })).toEqual([])
      expect(existsSync(base.path)).toBe(true)
      await cache.unpin('s')
    }
  })
})
