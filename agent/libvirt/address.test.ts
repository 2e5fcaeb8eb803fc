import { describe, expect, it } from 'vitest'
import { parseUri, type Target } from './address.ts'
import { ConnectionError } from './errors.ts'

const sockets = ['/run/libvirt/virtqemud-sock', '/run/libvirt/libvirt-sock']

describe('parseUri', () => {
  it.each<[string, Target]>([
    ['qemu:///system', { address: { kind: 'unix', paths: sockets }, uri: 'qemu:///system' }],
    [
      'qemu+unix:///system?socket=/a/b-sock',
      { address: { kind: 'unix', paths: ['/a/b-sock'] }, uri: 'qemu:///system' },
    ],
    ['qemu+tcp://h/system', { address: { kind: 'tcp', host: 'h', port: 16_509 }, uri: 'qemu:///system' }],
    ['qemu+tcp://[fe80::1]:7/system', { address: { kind: 'tcp', host: 'fe80::1', port: 7 }, uri: 'qemu:///system' }],
    ['qemu+tls://user@h:1/system', { address: { kind: 'tls', host: 'h', port: 1, tls: {} }, uri: 'qemu:///system' }],
    ['qemu://h/system', { address: { kind: 'tls', host: 'h', port: 16_514, tls: {} }, uri: 'qemu:///system' }],
    ['test+unix:///default?socket=/s', { address: { kind: 'unix', paths: ['/s'] }, uri: 'test:///default' }],
  ])('parses %s', (uri, target) => {
    expect(parseUri(uri)).toEqual(target)
  })

  it.each(['', 'qemu', 'qemu+ssh://h/system', 'qemu+tcp:///system', 'qemu+tcp://h:x/system'])('refuses %s', (uri) => {
    expect(() => parseUri(uri)).toThrow(ConnectionError)
  })
})
