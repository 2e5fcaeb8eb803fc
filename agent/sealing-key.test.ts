import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { openSealedSecret, sealSecret } from '../actions/sealed-secret.ts'
import { openSealingKey, publicSealingKey } from './sealing-key.ts'

let dir: string
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'kubenova-sealing-'))
})
afterEach(() => rm(dir, { recursive: true }))

const binding = { server: 's', request: 'r' }

it('openSealingKey creates a key that only the owner of the file can read, and answers the same one later', async () => {
  const key = await openSealingKey(dir)
  expect((await stat(join(dir, 'sealing-key.pem'))).mode & 0o777).toBe(0o600)
  const sealed = await sealSecret('secret', publicSealingKey(key), binding)
  expect(await openSealedSecret(sealed, await openSealingKey(dir), binding)).toBe('secret')
})

it('openSealingKey replaces a key file that is damaged', async () => {
  await writeFile(join(dir, 'sealing-key.pem'), '')
  const key = publicSealingKey(await openSealingKey(dir))
  expect(key).toMatch(/^[\w-]{43}$/)
  expect(publicSealingKey(await openSealingKey(dir))).toBe(key)
  expect(await readFile(join(dir, 'sealing-key.pem'), 'utf8')).toContain('PRIVATE KEY')
})
