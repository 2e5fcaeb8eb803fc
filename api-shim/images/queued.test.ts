import { randomUUID } from 'node:crypto'
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { newDraft } from '../routes/images/attributes.ts'
import { QueuedImages } from './queued.ts'

async function startQueued(projects: Readonly<Record<string, string>>): Promise<{ queued: QueuedImages; dir: string }> {
  const dir = mkdtempSync(join(tmpdir(), 'kubenova-queued-'))
  onTestFinished(() => rmSync(dir, { recursive: true }))
  const queued = new QueuedImages(dir, (namespace) => projects[namespace] ?? '')
  await queued.start()
  return { queued, dir }
}

describe('QueuedImages', () => {
  const add = async (queued: QueuedImages, projectId: string, updatedAt: string): Promise<string> => {
    const id = randomUUID()
    await queued.add({ id, namespace: 'team-a', projectId, createdAt: updatedAt, updatedAt, draft: newDraft })
    return id
  }

  it('hides the images of a deleted project from a new one in the same namespace', async () => {
    const { queued } = await startQueued({ 'team-a': 'new' })
    const now = new Date().toISOString()
    const [old, own] = [await add(queued, 'old', now), await add(queued, 'new', now)]
    expect((await queued.list()).map(({ id }) => id)).toEqual([own])
    expect([await queued.get(old), (await queued.get(own))?.id]).toEqual([undefined, own])
  })

  it('removes the images of deleted projects after an hour', async () => {
    const { queued, dir } = await startQueued({ 'team-a': 'new' })
    const [now, longAgo] = [new Date().toISOString(), '2026-01-01T00:00:00Z']
    const kept = [await add(queued, 'old', now), await add(queued, 'new', longAgo)]
    await add(queued, 'old', longAgo)
    expect(await queued.removeOrphans(() => false)).toBe(1)
    expect(readdirSync(dir).toSorted()).toEqual(kept.map((id) => `${id}.json`).toSorted())
  })
})
