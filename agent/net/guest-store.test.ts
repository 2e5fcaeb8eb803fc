import { mkdtempSync, readdirSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { openGuestStore } from './guest-store.ts'
import { guest } from './testing.ts'

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'kubenova-store-'))
})
afterEach(() => rmSync(folder, { recursive: true }))

test('what was put is there for the next one, in the order of putting', () => {
  const store = openGuestStore(folder)
  for (const n of [7, 5, 6]) {
    store.put(guest(n))
    utimesSync(join(folder, `guest-${n}.json`), n === 7 ? 1 : 2 + n, n === 7 ? 1 : 2 + n)
  }
  expect(openGuestStore(folder).all()).toEqual([guest(7), guest(5), guest(6)])
  store.put(guest(7))
  expect(store.all().map((g) => g.id)).toEqual(['guest-5', 'guest-6', 'guest-7'])
  store.remove('guest-5')
  store.remove('guest-5')
  expect(store.get('guest-5')).toBeUndefined()
  expect(openGuestStore(folder).get('guest-5')).toBeUndefined()
})

test('what is kept and as it was keeps its place; else it becomes the last', () => {
  const store = openGuestStore(folder)
  const ids = () => store.all().map(({ id }) => id)
  for (const n of [5, 6]) store.keep(guest(n))
  store.keep(guest(5))
  expect(ids()).toEqual(['guest-5', 'guest-6'])
  store.keep({ ...guest(5), hostname: 'renamed' })
  expect(ids()).toEqual(['guest-6', 'guest-5'])
  expect(openGuestStore(folder).get('guest-5')).toMatchObject({ hostname: 'renamed' })
})

test('what a crash left half written is removed', () => {
  writeFileSync(join(folder, 'guest-5.json'), '{"id":')
  writeFileSync(join(folder, 'guest-6.json.new'), JSON.stringify(guest(6)))
  expect(openGuestStore(folder).all()).toEqual([])
  expect(readdirSync(folder)).toEqual([])
})

test('an id that would leave the folder is refused', () => {
  expect(() => openGuestStore(folder).put({ ...guest(5), id: '../x' })).toThrow(
    expect.objectContaining({ code: 'InvalidGuest' }),
  )
})
