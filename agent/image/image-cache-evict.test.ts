import { existsSync, mkdirSync, renameSync, statSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test, vi } from 'vitest'
import type { Base } from './base-store.ts'
import { noLimits, withImageCache } from './testing/image-cache.ts'

vi.setConfig({ testTimeout: 60_000 })

const fixture = withImageCache()

describe('evict', () => {
  test('removes the longest unused base first and never a pinned one', async () => {
    const f = fixture()
    const cache = await f.open()
    const bases: Base[] = []
    for (const uid of ['a', 'b', 'c']) {
      const { checksum: _, ...image } = f.image({ uid })
      bases.push(await cache.ensure(image, `server-${uid}`, f.fetchContext()))
    }
    bases.forEach(({ path }, i) => utimesSync(join(path, '..'), 1000 + i, 1000 + i))
    await cache.unpin('server-b')
    await cache.unpin('server-c')
    await cache.unpin('server-c')
    const bytes = statSync(bases[0]!.path).blocks * 512
    expect(await cache.evict({ ...noLimits, maxBytes: 2 * bytes })).toEqual([bases[1]!.key])
    expect(await cache.evict({ ...noLimits, maxBytes: 0 })).toEqual([bases[2]!.key])
    expect(await cache.evict({ maxAge: 0, maxBytes: 0, minFree: Number.MAX_SAFE_INTEGER })).toEqual([])
    expect(existsSync(bases[0]!.path)).toBe(true)
    expect(f.list('trash')).toEqual([])
  })

  test('removes a base whose pins are stale', async () => {
    const f = fixture()
    const cache = await f.open()
    const base = await cache.ensure(f.image(), 'deleted', f.fetchContext())
    await cache.ensure(f.image(), 'existing', f.fetchContext())
    await cache.removeStalePins(async (owner) => owner === 'existing')
    expect(await cache.evict({ ...noLimits, maxBytes: 0 })).toEqual([])
    await cache.unpin('existing')
    expect(await cache.evict({ ...noLimits, maxBytes: 0 })).toEqual([base.key])
  })

  test('removes old downloads and keeps young ones', async () => {
    const f = fixture()
    const cache = await f.open()
    const work = join(f.cacheDir, 'work/url-x')
    mkdirSync(work)
    writeFileSync(join(work, 'source.part'), 'x')
    await cache.evict({ ...noLimits, maxAge: 1000 }, Date.now())
    expect(f.list('work')).toEqual(['url-x'])
    await cache.evict({ ...noLimits, maxAge: 1000 }, Date.now() + 5000)
    expect(f.list('work')).toEqual([])
  })

  test('keeps a base that ensure returned until it is unpinned, when both run at the same time', async () => {
    const f = fixture()
    const [cache, evictor] = [await f.open(), await f.open()]
    for (let n = 0; n < 10; n++) {
      const evictions = Array.from({ length: 4 }, () => evictor.evict({ ...noLimits, maxBytes: 0 }))
      const base = await cache.ensure(f.image(), 's', f.fetchContext())
      await Promise.all(evictions)
      expect(await evictor.evict({ ...noLimits, maxBytes: 0 })).toEqual([])
      expect(existsSync(base.path)).toBe(true)
      await cache.unpin('s')
    }
  })
})

test('open finishes an interrupted removal, and undoes it if the base has a pin', async () => {
  const f = fixture()
  const first = await f.open()
  const base = await first.ensure(f.image(), 's', f.fetchContext())
  const trash = join(f.cacheDir, 'trash', `${base.key}.0123456789ab`)
  renameSync(join(base.path, '..'), trash)
  await f.open()
  expect(existsSync(base.path)).toBe(true)
  await first.unpin('s')
  renameSync(join(base.path, '..'), trash)
  await f.open()
  expect([...f.list('trash'), ...f.list('bases')]).toEqual([])
})
