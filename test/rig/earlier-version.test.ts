import { expect, it } from 'vitest'
import { findCommit } from './earlier-version.ts'

it('findCommit returns the hash of a commit', async () => {
  expect(await findCommit('HEAD')).toMatch(/^[0-9a-f]{40}$/)
})

it('findCommit says what to do when the clone does not have the commit', async () => {
  await expect(findCommit('00000000')).rejects.toThrow(
    'this clone has no commit 00000000, from which the test upgrades: fetch it (git fetch --unshallow), or name another commit (make upgrade FROM=COMMIT)',
  )
})
