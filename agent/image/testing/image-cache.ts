import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { createHash, randomBytes } from 'node:crypto'
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { BlockList } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach } from 'vitest'
import type { Base } from '../base-store.ts'
import { ImageCache, type ImageCacheOptions, type ImageSource } from '../image-cache.ts'
import { TestServer } from './server.ts'

/** Limits that require no eviction. */
export const noLimits = { maxBytes: Number.POSITIVE_INFINITY, minFree: 0, maxAge: Number.POSITIVE_INFINITY }

export const sha256Of = (bytes: Buffer): string => `sha256:${createHash('sha256').update(bytes).digest('hex')}`

export class ImageCacheFixture {
  readonly dir = mkdtempSync(join(tmpdir(), 'cache-'))
  readonly cacheDir = join(this.dir, 'cache')
  readonly stack = new AsyncDisposableStack()
  readonly server: TestServer
  body: Buffer

  private constructor(server: TestServer) {
    this.server = server
    this.stack.use(server)
    this.stack.defer(() => rmSync(this.dir, { recursive: true, force: true }))
    this.body = this.makeImage('qcow2')
  }

  static async start(): Promise<ImageCacheFixture> {
    const fixture: ImageCacheFixture = new ImageCacheFixture(await TestServer.start(() => ({ body: fixture.body })))
    return fixture
  }

  makeImage(format: string, ...args: string[]): Buffer {
    writeFileSync(join(this.dir, 'raw'), randomBytes(400_000))
    return this.convertRaw(format, ...args)
  }

  convertRaw(format: string, ...args: string[]): Buffer {
    const [raw, made] = [join(this.dir, 'raw'), join(this.dir, 'made')]
    execFileSync('qemu-img', ['convert', '-f', 'raw', '-O', format, ...args, raw, made])
    return readFileSync(made)
  }

  serveEmptyImage(size: string, ...args: string[]): Partial<ImageSource> {
    execFileSync('qemu-img', ['create', '-q', '-f', 'qcow2', ...args, join(this.dir, 'made'), size])
    this.body = readFileSync(join(this.dir, 'made'))
    return { checksum: sha256Of(this.body) }
  }

  get raw(): Buffer {
    return readFileSync(join(this.dir, 'raw'))
  }

  image(overrides: Partial<ImageSource> = {}): ImageSource {
    return { uid: 'image-1', url: this.server.url, checksum: sha256Of(this.body), format: 'qcow2', ...overrides }
  }

  get options() {
    const fixed = { baseFormat: 'asIs' as const, fileRoots: [], stallTimeout: 60_000, maxBytes: 1024 ** 3 }
    return { ...fixed, directory: this.cacheDir, hasSpace: async () => true }
  }

  async open(overrides: Partial<ImageCacheOptions> = {}): Promise<ImageCache> {
    const options = { ...this.options, blocked: new BlockList(), retry: { attempts: 1 }, ...overrides }
    return this.stack.use(await ImageCache.open(options))
  }

  fetchContext() {
    return { signal: AbortSignal.timeout(30_000), progress: (bytes: number) => this.server.acknowledge(bytes) }
  }

  list(...path: string[]): string[] {
    return readdirSync(join(this.cacheDir, ...path))
  }

  contentOf(base: Base): Buffer {
    execFileSync('qemu-img', ['convert', '-f', base.format, '-O', 'raw', base.path, join(this.dir, 'content')])
    return readFileSync(join(this.dir, 'content'))
  }

  hasContent(base: Base): boolean {
    return this.contentOf(base).subarray(0, this.raw.length).equals(this.raw)
  }

  spawnFetch(owner: string): ChildProcess {
    const script = join(import.meta.dirname, 'ensure.ts')
    const args = [this.options, this.image(), owner].map((argument) => JSON.stringify(argument))
    const child = spawn(process.execPath, [script, ...args], { stdio: ['ignore', 'pipe', 'inherit'] })
    this.stack.defer(() => void child.kill('SIGKILL'))
    return child
  }
}

export function withImageCache(): () => ImageCacheFixture {
  let fixture: ImageCacheFixture
  beforeEach(async () => {
    fixture = await ImageCacheFixture.start()
  })
  afterEach(() => fixture.stack.disposeAsync())
  return () => fixture
}
