import { expect, it } from 'vitest'
import { parseChanges } from './json-patch.ts'

it.each(['application/json', 'constructor', '__proto__', undefined])('refuses the content type %s', (type) => {
  expect(() => parseChanges(type, [{ op: 'replace', path: '/name', value: 'x' }])).toThrow(
    'Image PATCH expects Content-Type one of',
  )
})
