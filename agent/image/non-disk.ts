/**
 * Recognizes by its first bytes a file that is no disk: a compressed file, an archive, a web page, a script. Any such
 * file would be accepted as a raw disk, and the server would not boot.
 */
import { describeText, isTar } from './non-disk-text.ts'

export interface NonDisk {
  /** For example "a file compressed with gzip". */
  what: string
  advice: string
}

export const HEAD_BYTES = 4096

const SECTOR_BYTES = 512

const unpack = (command: string) =>
  `unpack it (${command}), publish the result, and create an Image with its URL and checksum`
const extract = (command: string) =>
  `take the disk out of it (${command}), publish that, and create an Image with its URL and checksum`
const decrypt = (command: string) =>
  `decrypt it (${command}), publish the result, and create an Image with its URL and checksum`
const WRONG_FILE = 'create an Image with the URL of a disk image'

/**
 * Beginnings of binary OpenPGP files (RFC 9580), in hexadecimal digits: session key encrypted with a public key,
 * session key encrypted with a passphrase, one-pass signature, compressed data. A row matches the packet's tag (old or
 * new format), its length, and fields whose values are known.
 */
const openPgp = [
  '(84..|85....|c1..|c1[cd]...)03.{16}(01|02|10|12)',
  '(8c..|c3..)04(0[1-9ab])(00|01|03)(0[1-9ab])',
  '(90..|c4..)030[01](0[1-9ab])',
  'a30[123]',
]

/** `hex` is a regular expression for the first bytes in hexadecimal digits. */
const signatures: [hex: string, what: string, advice: string][] = [
  ['1f8b08', 'a file compressed with gzip', unpack('gunzip')],
  ['fd377a585a00', 'a file compressed with xz', unpack('unxz')],
  ['28b52ffd', 'a file compressed with zstd', unpack('unzstd')],
  // A skippable frame, which programs that compress in parallel write at the beginning.
  ['5.2a4d18', 'a file compressed with zstd or lz4', unpack('unzstd or unlz4')],
  ['425a68..314159265359', 'a file compressed with bzip2', unpack('bunzip2')],
  ['425a68..177245385090', 'a file compressed with bzip2', unpack('bunzip2')],
  ['04224d18', 'a file compressed with lz4', unpack('unlz4')],
  ['02214c18', 'a file compressed with lz4', unpack('unlz4')],
  ['4c5a4950', 'a file compressed with lzip', unpack('lzip -d')],
  ['4c525a49', 'a file compressed with lrzip', unpack('lrunzip')],
  ['894c5a4f000d0a1a0a', 'a file compressed with lzop', unpack('lzop -d')],
  ['5d0000....ffffffffffffffff', 'a file compressed with lzma', unpack('unlzma')],
  ['1f9d', 'a file compressed with compress', unpack('uncompress')],
  ['504b0304', 'a zip archive', extract('unzip')],
  ['504b0506', 'an empty zip archive', WRONG_FILE],
  ['377abcaf271c', 'a 7z archive', extract('7z x')],
  ['526172211a07', 'a rar archive', extract('unrar x')],
  ['4d534346', 'a cab archive', extract('cabextract')],
  ['78617221', 'a xar archive, as a package for macOS is', extract('xar -x')],
  ['4d5357494d000000', 'a Windows image (wim), which has files and no disk', WRONG_FILE],
  ['213c617263683e0a', 'an ar archive or a Debian package', WRONG_FILE],
  ['30373037303[127]', 'a cpio archive, as an initial RAM disk is', WRONG_FILE],
  ['edabeedb', 'an RPM package', WRONG_FILE],
  ['68737173', 'a squashfs file system, as the root of a container is; it has no boot loader', WRONG_FILE],
  ['3aff26ed', 'an Android sparse image', unpack('simg2img')],
  ['70617274636c6f6e652d696d616765', 'an image of partclone', unpack('partclone.restore')],
  ['455646(090d0aff00|320d0a81)', 'a forensic image (EWF)', unpack('ewfexport')],
  ['6167652d656e6372797074696f6e2e6f72672f', 'a file encrypted with age', decrypt('age -d')],
  ...openPgp.map((hex): [string, string, string] => [
    hex,
    'a file encrypted or signed with OpenPGP',
    decrypt('gpg -d'),
  ]),
  ['7f454c46', 'a program (ELF)', WRONG_FILE],
  ['25504446', 'a PDF document', WRONG_FILE],
  ['89504e470d0a1a0a', 'a PNG picture', WRONG_FILE],
  ['ffd8ffe', 'a JPEG picture', WRONG_FILE],
  ['474946383', 'a GIF picture', WRONG_FILE],
]

const matchers = signatures.map(([hex, what, advice]) => ({ pattern: new RegExp(`^${hex}`), what, advice }))

/**
 * Returns undefined if the file may be a disk.
 * @param head the first HEAD_BYTES bytes, or all if the file has fewer
 */
export function describeNonDisk(head: Buffer): NonDisk | undefined {
  if (head.length === 0) return { what: 'an empty file', advice: WRONG_FILE }
  const hex = head.toString('hex', 0, 32)
  const known = matchers.find(({ pattern }) => pattern.test(hex))
  if (known) return { what: known.what, advice: known.advice }
  if (isTar(head)) return describeTar(head)
  const program = describeProgram(head)
  if (program !== undefined) return { what: program, advice: WRONG_FILE }
  const text = describeText(head)
  if (text !== undefined) return { what: text, advice: `see what the URL gives (curl -L), and ${WRONG_FILE}` }
  if (head.length < SECTOR_BYTES) return { what: `a file of ${head.length} bytes`, advice: WRONG_FILE }
  return undefined
}

function describeTar(head: Buffer): NonDisk {
  const [name = ''] = head.toString('latin1', 0, 100).split('\0')
  const what = name.toLowerCase().endsWith('.ovf') ? 'an OVA, which is a tar archive with disks in it' : 'a tar archive'
  return { what, advice: extract('tar -x') }
}

export const hasBootSignature = (head: Buffer): boolean =>
  head.length >= SECTOR_BYTES && head.readUInt16LE(SECTOR_BYTES - 2) === 0xaa55

function describeProgram(head: Buffer): string | undefined {
  // A Linux kernel has the signature of a boot sector, too, but only a kernel has "HdrS" in the second sector.
  if (hasBootSignature(head) && head.toString('latin1', 0x202, 0x206) === 'HdrS') return 'a Linux kernel'
  const isExecutable = head.toString('latin1', 0, 2) === 'MZ' && !hasBootSignature(head)
  return isExecutable ? 'a program for Windows or EFI' : undefined
}
