import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { describeNonDisk, HEAD_BYTES } from './non-disk.ts'

let dir: string
beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), 'non-disk-'))
  writeFileSync(join(dir, 'disk'), Buffer.alloc(100_000, 'a disk'))
  writeFileSync(join(dir, 'machine.ovf'), '<Envelope/>')
})
afterAll(() => rmSync(dir, { recursive: true, force: true }))

const headOf = (bytes: Buffer) => bytes.subarray(0, HEAD_BYTES)
const whatIs = (bytes: Buffer) => describeNonDisk(headOf(bytes))?.what

const bootSector = (): Buffer => {
  const disk = Buffer.alloc(8192)
  disk.write('\xeb\x63\x90', 0, 'latin1')
  disk.writeUInt16LE(0xaa55, 510)
  return disk
}

test.each([
  ['gzip -c disk', 'a file compressed with gzip', 'gunzip'],
  ['xz -c disk', 'a file compressed with xz', 'unxz'],
  ['xz --format=lzma -c disk', 'a file compressed with lzma', 'unlzma'],
  ['bzip2 -c disk', 'a file compressed with bzip2', 'bunzip2'],
  ['bzip2 -c /dev/null', 'a file compressed with bzip2', 'bunzip2'],
  ['tar -c disk', 'a tar archive', 'tar -x'],
  ['tar --format=v7 -c disk', 'a tar archive', 'tar -x'],
  ['tar --format=pax -c disk', 'a tar archive', 'tar -x'],
  ['tar -c machine.ovf disk', 'an OVA, which is a tar archive with disks in it', 'tar -x'],
])('describeNonDisk recognizes what %s writes', (command, what, advice) => {
  const made = execFileSync('sh', ['-c', command], { cwd: dir, maxBuffer: 1024 ** 3 })
  expect(describeNonDisk(headOf(made))).toEqual({ what, advice: expect.stringContaining(`(${advice})`) })
})

const binaries: [hex: string, what: string][] = [
  ['502a4d1804000000', 'a file compressed with zstd or lz4'],
  ['5f2a4d1804000000', 'a file compressed with zstd or lz4'],
  ['4c525a490006', 'a file compressed with lrzip'],
  ['78617221001c0001', 'a xar archive, as a package for macOS is'],
  ['303730373037', 'a cpio archive, as an initial RAM disk is'],
  ['455646090d0aff000100', 'a forensic image (EWF)'],
  ['455646320d0a81000200', 'a forensic image (EWF)'],
  ['6167652d656e6372797074696f6e2e6f72672f76310a2d3e20', 'a file encrypted with age'],
  ['85010c03001122334455667701', 'a file encrypted or signed with OpenPGP'],
  ['845e03001122334455667712', 'a file encrypted or signed with OpenPGP'],
  ['c1c04c03001122334455667701', 'a file encrypted or signed with OpenPGP'],
  ['8c0d040903023ab1c2d3e4f5a6b7ffd2', 'a file encrypted or signed with OpenPGP'],
  ['a30142000000', 'a file encrypted or signed with OpenPGP'],
  ['900d03000a01', 'a file encrypted or signed with OpenPGP'],
  ['28b52ffd04', 'a file compressed with zstd'],
  ['04224d18', 'a file compressed with lz4'],
  ['4c5a495001', 'a file compressed with lzip'],
  ['504b0304140000', 'a zip archive'],
  ['377abcaf271c0004', 'a 7z archive'],
  ['526172211a070100', 'a rar archive'],
  ['edabeedb0300', 'an RPM package'],
  ['213c617263683e0a64656269616e', 'an ar archive or a Debian package'],
  ['303730373031', 'a cpio archive, as an initial RAM disk is'],
  ['68737173', 'a squashfs file system, as the root of a container is; it has no boot loader'],
  ['7f454c460201', 'a program (ELF)'],
  ['255044462d312e37', 'a PDF document'],
  ['89504e470d0a1a0a', 'a PNG picture'],
  ['4d5a90000300', 'a program for Windows or EFI'],
  ['4d5357494d000000', 'a Windows image (wim), which has files and no disk'],
]
test.each(binaries)('describeNonDisk recognizes a file that begins with %s', (hex, what) => {
  expect(whatIs(Buffer.concat([Buffer.from(hex, 'hex'), Buffer.alloc(8192)]))).toBe(what)
})

const htmlOf = (encoding: BufferEncoding) => Buffer.from('<html><title>Größe</title></html>', encoding)
const texts: [title: string, Buffer, what: string | undefined][] = [
  ['a sign-in page', Buffer.from('<!DOCTYPE html>\n<html><head><title>Sign in</title>'), 'an HTML page'],
  ['a page after a comment', Buffer.from(`<!-- ${'x'.repeat(200)} -->\n<HTML>`), 'an HTML page'],
  ['a page after a byte order mark', Buffer.from('\ufeff<html>'), 'an HTML page'],
  ['a page after blanks', Buffer.from('\r\n\r\n   <script>location="/login"</script>'), 'an HTML page'],
  ['a page in latin1', htmlOf('latin1'), 'an HTML page'],
  ['a page in UTF-16', Buffer.concat([Buffer.from('fffe', 'hex'), htmlOf('utf16le')]), 'an HTML page'],
  ['a long page', Buffer.from(`<html>${'ö'.repeat(9000)}</html>`), 'an HTML page'],
  [
    'an error of an object store',
    Buffer.from('<?xml version="1.0"?><Error><Code>AccessDenied</Code>'),
    'an XML document',
  ],
  ['an error of an API', Buffer.from('{"message":"token required"}'), 'a JSON document'],
  ['a shell script', Buffer.from('#!/bin/sh\nexit 0\n'), 'a script'],
  ['an installer', Buffer.concat([Buffer.from('#!/bin/sh\n'), Buffer.alloc(8192, 0)]), 'a script'],
  [
    'a pointer of Git LFS',
    Buffer.from('version https://git-lfs.github.com/spec/v1\noid sha256:00\n'),
    'a pointer of Git LFS, not the file that it points to',
  ],
  ['cloud-config', Buffer.from('#cloud-config\nusers: []\n'), 'a text'],
  ['a checksum', Buffer.from('e3b0c442  disk.img\n'), 'a text'],
  ['nothing', Buffer.alloc(0), 'an empty file'],
  ['a few bytes', Buffer.from([0, 1, 2]), 'a file of 3 bytes'],
]
test.each(texts)('describeNonDisk recognizes %s', (_, bytes, what) => {
  expect(whatIs(bytes)).toBe(what)
})

describe('describeNonDisk accepts', () => {
  test.each(['qcow2', 'vmdk', 'vdi', 'vhdx', 'vpc', 'raw'])('a disk in format %s', (format) => {
    const path = join(dir, `good.${format}`)
    execFileSync('qemu-img', ['create', '-q', '-f', format, path, '2M'])
    expect(whatIs(readFileSync(path))).toBeUndefined()
  })

  test('a boot sector', () => {
    expect(whatIs(bootSector())).toBeUndefined()
  })

  test('a boot sector that is a program for EFI, too', () => {
    const disk = bootSector()
    disk.write('MZ', 0)
    expect(whatIs(disk)).toBeUndefined()
  })

  test('a disk of zeros before its file system', () => {
    const disk = Buffer.alloc(8192)
    disk.writeUInt16LE(0xef53, 1080)
    expect(whatIs(disk)).toBeUndefined()
  })
})

test('describeNonDisk recognizes a Linux kernel by its own signature', () => {
  const kernel = bootSector()
  kernel.write('HdrS', 0x202)
  expect(whatIs(kernel)).toBe('a Linux kernel')
})
