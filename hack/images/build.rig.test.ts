// Builds images that have one small file, because real ones take minutes.
import { mkdtempSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { installPackages } from '../../test/rig/packages.ts'
import { createScratchDirectory } from '../../test/rig/scratch.ts'
import { ensureBase, removeLocalBases } from './base.ts'
import { type BuiltImage, digestOf, ensureImage } from './build.ts'
import { ownArchitecture } from './names.ts'
import { openStorage } from './storage.ts'

const SCRATCH = 'FROM scratch\nCOPY file /file\n'
const ON_BASE = 'ARG BASE\nFROM ${BASE}\nCOPY file /file\n'

let dir: string
const log = (): void => undefined
const newFolder = (): string => mkdtempSync(join(dir, 'folder-'))
const open = () => openStorage(join(dir, 'storage'))

beforeAll(async () => {
  dir = createScratchDirectory()
  await installPackages(['buildah', 'skopeo'], log)
})
afterAll(() => rmSync(dir, { recursive: true, force: true }))

interface Build {
  text?: string
  containerfile?: string
  base?: string
  folder?: string
  reuse?: boolean
}

async function build({ text = '1', containerfile = SCRATCH, base = 'scratch', ...rest }: Build): Promise<BuiltImage> {
  const { folder = newFolder(), reuse = true } = rest
  const context = newFolder()
  writeFileSync(join(context, 'Containerfile'), containerfile)
  writeFileSync(join(context, 'file'), text)
  await using storage = await open()
  return await ensureImage({ name: 'agent', arch: ownArchitecture(), base, context, folder, reuse, storage, log })
}

describe('ensureImage', () => {
  it('builds the same image several times at once', async () => {
    const images = await Promise.all(['a', 'b', 'c', 'd'].map(() => build({})))
    for (const { archive, digest } of images) expect(await digestOf(archive)).toBe(digest)
    expect(new Set(images.map(({ digest }) => digest)).size).toBe(1)
  })

  it('uses an archive again when its inputs are unchanged, and with `reuse` only', async () => {
    const folder = newFolder()
    const inodes: number[] = []
    for (const options of [{}, {}, { text: '2' }, { text: '2', reuse: false }])
      inodes.push(statSync((await build({ folder, ...options })).archive).ino)
    const [first, second, third, fourth] = inodes
    expect(second).toBe(first)
    expect(third).not.toBe(first)
    expect(fourth).not.toBe(third)
  })

  it('builds anew when the archive is that of another build', async () => {
    const folder = newFolder()
    const { archive, digest } = await build({ folder })
    renameSync((await build({ text: '2' })).archive, archive)
    expect((await build({ folder })).digest).toBe(digest)
    expect(await digestOf(archive)).toBe(digest)
  })

  it('pulls a named base although the storage has an image of that name', async () => {
    // No registry answers at this address.
    const base = 'localhost:1/base:1'
    await commitEmptyImage(base)
    await expect(build({ base, containerfile: ON_BASE })).rejects.toThrow('connection refused')
    await using storage = await open()
    await storage.buildah('rmi', base)
  })
})

async function commitEmptyImage(name: string): Promise<void> {
  await using storage = await open()
  const container = (await storage.buildah('from', 'scratch')).trim()
  await storage.buildah('commit', '--quiet', container, name)
}

describe('openStorage', () => {
  it('removes containers and images without a name when the storage is closed', async () => {
    await build({})
    await using storage = await open()
    expect(await storage.buildah('images', '--all', '--quiet')).toBe('')
    await storage.buildah('from', 'scratch')
    await storage[Symbol.asyncDispose]()
    await using again = await open()
    expect(await again.buildah('containers', '--quiet')).toBe('')
  })
})

describe('removeLocalBases', () => {
  it('removes the bases that ensureBase would use again', async () => {
    await commitEmptyImage('localhost/debian:bookworm')
    await using storage = await open()
    const options = { requested: 'local', name: 'agent', arch: ownArchitecture(), storage, log } as const
    expect(await ensureBase(options)).toBe('localhost/debian:bookworm')
    await removeLocalBases(storage)
    expect(await storage.buildah('images', '--quiet')).toBe('')
  })
})
