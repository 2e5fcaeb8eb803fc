import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it, onTestFinished } from 'vitest'
import { ImageFiles } from './files.ts'

it('ImageFiles.start says which user must be able to write the volume', async () => {
  const parent = await mkdtemp(join(tmpdir(), 'image-files-'))
  onTestFinished(() => rm(parent, { recursive: true }))
  const dir = join(parent, 'images')
  await writeFile(dir, 'a file, in which no directory can be made')
  const files = new ImageFiles({ dir, maxBytes: 1, projectIdOf: () => '' })
  await expect(files.start()).rejects.toThrow(
    `The volume for uploaded images, ${dir}, must be writable for user ${process.getuid?.()}: ENOTDIR`,
  )
})
