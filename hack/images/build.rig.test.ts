// Builds images that have one small file, because real ones take minutes.
import { mkdtempSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { installPackages } from '../../test/rig/packages.ts'
import { createScratchDirectory } from '../../test/rig/scratch.ts'
import { type BuiltImage, digestOf, ensureImage } from './build.ts'
import { ownArchitecture } from './names.ts'
import { openStorage } from './storage.ts'

const SCRATCH = 'FROM scratch\nCOPY file /file\n'

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
  folder?: string
  reuse?: boolean
}

async function build({ text = '1', ...rest }: Build): Promise<BuiltImage> {
  const { folder = newFolder(), reuse = true } = rest
  const context = newFolder()
  writeFileSync(join(context, 'Containerfile'), SCRATCH)
  writeFileSync(join(context, 'file'), text)
  await using storage = await open()
  return await ensureImage({
    name: 'agent',
    arch: ownArchitecture(),
    base: 'scratch',
    context,
    folder,
    reuse,
    storage,
    log,
  })
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
})

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
