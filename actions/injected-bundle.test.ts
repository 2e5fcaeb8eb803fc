import { describe, expect, it } from 'vitest'
import { decodeBundle, encodeBundle, encodeInjectedFiles, parseInjectedFiles } from './injected-bundle.ts'

const bytes = (text: string): Buffer => Buffer.from(text)

describe('decodeBundle', () => {
  it('reads what encodeBundle has written', () => {
    const bundle = {
      userData: Buffer.of(0, 255, 128),
      adminPassword: 'päss"word',
      files: [{ path: '/etc/motd', contents: bytes('hello\n') }],
    }
    expect(decodeBundle(encodeBundle(bundle))).toEqual(bundle)
    expect(decodeBundle(encodeBundle({}))).toEqual({ files: [] })
  })

  it.each(['', '#!/bin/sh', '[]', '{"files":[{"path":"/x"}]}', '{"adminPassword":7}'])('refuses %j', (text) => {
    expect(decodeBundle(bytes(text))).toBeUndefined()
  })
})

describe('parseInjectedFiles', () => {
  it('reads paths, and contents in base64', () => {
    const text = '[{"path":"/etc/motd","contents":"aGVsbG8="}]'
    expect(parseInjectedFiles(text)).toEqual([{ path: '/etc/motd', contents: bytes('hello') }])
    expect(encodeInjectedFiles([{ path: '/etc/motd', contents: bytes('hello') }])).toBe(text)
  })

  it.each(['', '{}', '[{"path":"","contents":""}]', '[{"contents":"aGVsbG8="}]'])('refuses %j', (text) => {
    expect(parseInjectedFiles(text)).toBeUndefined()
  })
})
