import { execFileSync } from 'node:child_process'
import { createHash, randomBytes } from 'node:crypto'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { type DownloadOptions, downloadSource } from './download.ts'
import { SourceOpener } from './image-source.ts'

const body = randomBytes(1000)
const sha256 = (bytes: Buffer) => `sha256:${createHash('sha256').update(bytes).digest('hex')}`

let dir: string
let stack: DisposableStack
let sources: SourceOpener
const createOpener = (options: { fileRoots: string[] }) => new SourceOpener({ stallTimeout: 60_000, ...options })
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'file-source-'))
  stack = new DisposableStack()
  stack.defer(() => rmSync(dir, { recursive: true, force: true }))
  sources = stack.use(createOpener({ fileRoots: [dir] }))
})
afterEach(() => stack.dispose())

const makeOptions = (url: string, overrides: Partial<DownloadOptions> = {}): DownloadOptions => ({
  url,
  target: join(dir, 'part'),
  maxBytes: 1_000_000,
  hasSpace: async () => true,
  signal: AbortSignal.timeout(30_000),
  retry: { firstDelay: 1, attempts: 3 },
  ...overrides,
})
const readDownloaded = () => readFileSync(join(dir, 'part'))

describe('downloadSource from a file of the host', () => {
  test('reads it in a directory of the operator', async () => {
    writeFileSync(join(dir, 'image'), body)
    await downloadSource(sources, makeOptions(`file://${dir}/image`, { checksum: sha256(body) }))
    expect(readDownloaded().equals(body)).toBe(true)
  })
  test.each([
    ['in another directory', () => 'file:///etc/hostname'],
    ['with dots in its path', () => `file://${dir}/../../etc/hostname`],
    [
      'behind a symbolic link that leads out',
      () => (symlinkSync('/etc/hostname', join(dir, 'link')), `file://${dir}/link`),
    ],
    ['in a directory whose name only begins like it', () => `file://${dir}x/image`],
  ])('refuses a file %s', async (_, url) => {
    await expect(downloadSource(sources, makeOptions(url()))).rejects.toMatchObject({
      kind: 'Terminal',
      code: 'ImageSourceNotAllowed',
    })
    expect(existsSync(join(dir, 'part'))).toBe(false)
  })
  const missing: [string, url: () => string, RegExp][] = [
    ['that does not exist', () => `file://${dir}/none`, /\/none is not on this host: put the file there/],
    ['in a folder that does not exist', () => `file://${dir}/none/image`, /\/none\/image is not on this host: put/],
    [
      'below another file',
      () => (writeFileSync(join(dir, 'a'), body), `file://${dir}/a/b`),
      /\/a\/b is not on this host/,
    ],
    [
      'to which a symbolic link leads and that does not exist',
      () => (symlinkSync(join(dir, 'none'), join(dir, 'dangling')), `file://${dir}/dangling`),
      /\/dangling is not on this host/,
    ],
    ['that is a directory', () => (mkdirSync(join(dir, 'folder')), `file://${dir}/folder`), /folder is a directory on/],
    [
      'that is a FIFO',
      () => (execFileSync('mkfifo', [join(dir, 'fifo')]), `file://${dir}/fifo`),
      /fifo is no regular file on this host/,
    ],
    [
      'behind symbolic links in a circle',
      () => (symlinkSync(join(dir, 'round'), join(dir, 'round')), `file://${dir}/round`),
      /\/round cannot be read on this host \(ELOOP\): make it readable for the agent/,
    ],
    [
      'with a name that is too long',
      () => `file://${dir}/${'x'.repeat(300)}`,
      /cannot be read on this host \(ENAMETOOLONG\)/,
    ],
  ]
  test.each(missing)('throws a fault of this host for a file %s', async (_, url, message) => {
    const error = {
      kind: 'Terminal',
      code: 'ImageFileMissing',
      isHostFault: true,
      message: expect.stringMatching(message),
    }
    await expect(downloadSource(sources, makeOptions(url()))).rejects.toMatchObject(error)
  })
  test('names the image directory when it does not exist', async () => {
    const opener = stack.use(createOpener({ fileRoots: [`${dir}/images`] }))
    const message = `${dir}/images/guest.qcow2 is not on this host, nor is the directory ${dir}/images (the agent's --image-dir): create it and put the file there`
    await expect(downloadSource(opener, makeOptions(`file://${dir}/images/guest.qcow2`))).rejects.toMatchObject({
      kind: 'Terminal',
      code: 'ImageFileMissing',
      isHostFault: true,
      message,
    })
  })
  test('refuses a path elsewhere when the image directory does not exist', async () => {
    const opener = stack.use(createOpener({ fileRoots: [`${dir}/images`] }))
    await expect(downloadSource(opener, makeOptions('file:///etc/none'))).rejects.toMatchObject({
      code: 'ImageSourceNotAllowed',
      isHostFault: false,
    })
  })
  test('reads a file and names a missing one when the image directory is a symbolic link', async () => {
    mkdirSync(join(dir, 'data'))
    writeFileSync(join(dir, 'data', 'image'), body)
    symlinkSync(join(dir, 'data'), join(dir, 'images'))
    const opener = stack.use(createOpener({ fileRoots: [`${dir}/images`] }))
    await downloadSource(opener, makeOptions(`file://${dir}/images/image`, { checksum: sha256(body) }))
    expect(readDownloaded().equals(body)).toBe(true)
    await expect(downloadSource(opener, makeOptions(`file://${dir}/images/none`))).rejects.toMatchObject({
      code: 'ImageFileMissing',
    })
  })
})
