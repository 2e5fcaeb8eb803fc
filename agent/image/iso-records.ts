/** The records of ISO 9660 (ECMA-119, by whose sections they are named), of Joliet and of Rock Ridge (SUSP 1.10, RRIP 1991A). Pure. */

export const SECTOR = 2048

/** How names are written: `primary` in a restricted alphabet, the true ones beside them (Rock Ridge); `joliet` as UCS-2. */
export type Naming = 'primary' | 'joliet'

/** A file or folder where it lies. */
export interface Entry {
  /** '.' and '..' for a folder itself and the one that it is in. */
  name: string
  folder: boolean
  /** In sectors. */
  extent: number
  /** In bytes. */
  size: number
}

const both16 = (value: number): Buffer => {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt16LE(value, 0)
  bytes.writeUInt16BE(value, 2)
  return bytes
}

const both32 = (value: number): Buffer => {
  const bytes = Buffer.alloc(8)
  bytes.writeUInt32LE(value, 0)
  bytes.writeUInt32BE(value, 4)
  return bytes
}

const ucs2 = (text: string): Buffer => Buffer.from(text, 'utf16le').swap16()
const even = (bytes: Buffer): Buffer => (bytes.length % 2 === 0 ? bytes : Buffer.concat([bytes, Buffer.alloc(1)]))

/** 7.5 and 7.6: what is not of the alphabet becomes `_`; a file has one dot and a version. */
function identifier(name: string, folder: boolean, naming: Naming): Buffer {
  if (name === '.' || name === '..') return Buffer.from([name.length - 1])
  const version = folder ? '' : ';1'
  if (naming === 'joliet') return ucs2(name + version)
  const plain = (part: string) => part.toUpperCase().replaceAll(/[^A-Z0-9]/g, '_')
  const dot = folder ? -1 : name.lastIndexOf('.')
  const [base, extension] = dot < 0 ? [name, ''] : [name.slice(0, dot), name.slice(dot + 1)]
  return Buffer.from(plain(base) + (folder ? '' : `.${plain(extension)}`) + version)
}

/** Folders and path tables are in this order of their identifiers (9.3). */
export const before =
  (naming: Naming) => (a: { name: string; folder: boolean }, b: { name: string; folder: boolean }) =>
    Buffer.compare(identifier(a.name, a.folder, naming), identifier(b.name, b.folder, naming))

/** The same at every making, for equal files are to be an equal image: 1980-01-01, 0:00 UTC (9.1.5). */
const DATE = Buffer.from([80, 1, 1, 0, 0, 0, 0])

const suspEntry = (signature: string, ...data: Buffer[]): Buffer => {
  const length = 4 + data.reduce((sum, { length }) => sum + length, 0)
  return Buffer.concat([Buffer.from(signature), Buffer.from([length, 1]), ...data])
}

const [READ_FILE, READ_FOLDER] = [0o100444, 0o040555]

/** For all to read, root's. */
function rockRidge({ name, folder }: Entry, isRoot: boolean): Buffer {
  const mode = both32(folder ? READ_FOLDER : READ_FILE)
  const [links, root] = [both32(folder ? 2 : 1), both32(0)]
  const posix = suspEntry('PX', mode, links, root, root)
  if (name === '..' || (name === '.' && !isRoot)) return posix
  if (name !== '.') return Buffer.concat([posix, suspEntry('NM', Buffer.from([0]), Buffer.from(name))])
  const id = Buffer.from('RRIP_1991A')
  const says = suspEntry('ER', Buffer.from([id.length, 0, 0, 1]), id)
  return Buffer.concat([suspEntry('SP', Buffer.from([0xbe, 0xef, 0])), posix, says])
}

/** 9.1. Throws RangeError for a name that is too long. */
export function directoryRecord(entry: Entry, naming: Naming, isRoot = false): Buffer {
  const id = identifier(entry.name, entry.folder, naming)
  const fixed = Buffer.concat([
    both32(entry.extent),
    both32(entry.size),
    DATE,
    Buffer.from([entry.folder ? 2 : 0, 0, 0]),
    both16(1),
    Buffer.from([id.length]),
  ])
  // The length and that of the extended attributes, of which there are none, come first.
  const named = even(Buffer.concat([Buffer.alloc(2), fixed, id]))
  const record = even(Buffer.concat([named, naming === 'primary' ? rockRidge(entry, isRoot) : Buffer.alloc(0)]))
  if (record.length > 255) throw new RangeError(`too long for a name on a config drive: ${entry.name}`)
  record.writeUInt8(record.length, 0)
  return record
}

/** 9.4; `parent` is the number, from 1, of the folder that it is in. */
export function pathRecord(entry: Entry, parent: number, naming: Naming, order: 'LE' | 'BE'): Buffer {
  const id = identifier(entry.name, true, naming)
  const head = Buffer.alloc(8)
  head.writeUInt8(id.length, 0)
  if (order === 'LE') head.writeUInt32LE(entry.extent, 2)
  else head.writeUInt32BE(entry.extent, 2)
  if (order === 'LE') head.writeUInt16LE(parent, 6)
  else head.writeUInt16BE(parent, 6)
  return even(Buffer.concat([head, id]))
}

export interface Volume {
  label: string
  /** In sectors. */
  size: number
  /** In bytes, and where it is in either order of bytes. */
  pathTable: { size: number; little: number; big: number }
  root: Entry
}

/** 8.4, and for Joliet 8.5: UCS-2 level 3 is said by an escape sequence. */
export function volumeDescriptor({ label, size, pathTable, root }: Volume, naming: Naming): Buffer {
  const sector = Buffer.alloc(SECTOR)
  const joliet = naming === 'joliet'
  const text = (offset: number, length: number, value = '') => {
    const padded = value.padEnd(joliet ? length >> 1 : length)
    ;(joliet ? ucs2(padded) : Buffer.from(padded)).copy(sector, offset, 0, length)
  }
  sector.set([joliet ? 2 : 1, ...Buffer.from('CD001'), 1])
  text(8, 32)
  text(40, 32, label)
  both32(size).copy(sector, 80)
  if (joliet) sector.write('%/E', 88)
  both16(1).copy(sector, 120)
  both16(1).copy(sector, 124)
  both16(SECTOR).copy(sector, 128)
  both32(pathTable.size).copy(sector, 132)
  sector.writeUInt32LE(pathTable.little, 140)
  sector.writeUInt32BE(pathTable.big, 148)
  directoryRecord(root, 'joliet').copy(sector, 156)
  text(190, 128)
  text(318, 128, 'Kubenova')
  text(446, 128)
  text(574, 128)
  for (const offset of [702, 739, 776]) text(offset, 37)
  for (const offset of [813, 830]) sector.write('1980010100000000', offset)
  for (const offset of [847, 864]) sector.write('0'.repeat(16), offset)
  sector.writeUInt8(1, 881)
  return sector
}

/** 8.3 */
export function terminator(): Buffer {
  const sector = Buffer.alloc(SECTOR)
  sector.set([255, ...Buffer.from('CD001'), 1])
  return sector
}
