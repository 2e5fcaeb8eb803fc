import { mkdtempSync, readdirSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { openGuestStore } from './guest-store.ts'
import { createGuest } from './testing.ts'

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'kubenova-store-'))
})
afterEach(() => rmSync(folder, { recursive: true }))

test('a store opened again has the guests in the order in which they were put', () => {
  const store = openGuestStore(folder)
  for (const n of [7, 5, 6]) {
    store.put(createGuest(n))
    utimesSync(join(folder, `guest-${n}.json`), n === 7 ? 1 : 2 + n, n === 7 ? 1 : 2 + n)
  }
  expect(openGuestStore(folder).all()).toEqual([createGuest(7), createGuest(5), createGuest(6)])
  store.put(createGuest(7))
  expect(store.all().map((g) => g.id)).toEqual(['guest-5', 'guest-6', 'guest-7'])
  store.remove('guest-5')
  store.remove('guest-5')
  expect(store.get('guest-5')).toBeUndefined()
  expect(openGuestStore(folder).get('guest-5')).toBeUndefined()
})

test('putIfChanged keeps the place of an unchanged guest and moves a changed one to the end', () => {
  const store = openGuestStore(folder)
  const ids = () => store.all().map(({ id }) => id)
  for (const n of [5, 6]) store.putIfChanged(createGuest(n))
  store.putIfChanged(createGuest(5))
  expect(ids()).toEqual(['guest-5', 'guest-6'])
  store.putIfChanged({ ...createGuest(5), hostname: 'renamed' })
  expect(ids()).toEqual(['guest-6', 'guest-5'])
  expect(openGuestStore(folder).get('guest-5')).toMatchObject({ hostname: 'renamed' })
})

test('openGuestStore deletes files that a crash left half written', () => {
  writeFileSync(join(folder, 'guest-5.json'), '{"id":')
  writeFileSync(join(folder, 'guest-6.json.new'), JSON.stringify(createGuest(6)))
  expect(openGuestStore(folder).all()).toEqual([])
  expect(readdirSync(folder)).toEqual([])
})

test('put refuses an id that leads out of the folder', () => {
  expect(() => openGuestStore(folder).put({ ...createGuest(5), id: '../x' })).toThrow(
    expect.objectContaining({ code: 'InvalidGuest' }),
  )
})
