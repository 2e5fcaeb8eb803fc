import { expect, it } from 'vitest'
import { isLoopbackUrl } from './data-url.ts'

it.each([
  ['http://127.0.0.1:8774', true],
  ['http://127.1.2.3', true],
  ['http://[::1]:8774', true],
  ['http://[::ffff:127.0.0.1]', true],
  ['http://localhost:8774', true],
  ['https://shim.localhost', true],
  ['http://10.96.0.7:8774', false],
  ['http://[fd00::1]:8774', false],
  ['https://localhost.example.com', false],
  ['https://cloud.example.com', false],
  ['no URL', false],
])('isLoopbackUrl(%s) is %s', (url, expected) => {
  expect(isLoopbackUrl(url)).toBe(expected)
})
