/**
 * The records of ISO 9660 (ECMA-119, by whose sections they are named), of Joliet and of Rock Ridge (SUSP 1.10, RRIP 1991A), written into an
 * image at an offset. Nothing is made on the way: as values of their own they came to a megabyte of garbage for each image.
 */

export const SECTOR = 2048

/** How names are written: `primary` in a restricted alphabet, the true ones beside them (Rock Ridge); `joliet` as UCS-2. */
export type Naming = 'primary' | 'joliet'

interface Named {
  /** '.' and '..' for a folder itself and the one that it is in. */
  name: string
  folder: boolean
}

/** A file or folder where it lies. */
export interface Entry extends Named {
  /** In sectors. */
  extent: number
  /** In bytes. */
  size: number
}

const even = (length: number): number => length + (length & 1)
const isDots = ({ name }: Named): boolean => name === '.' || name === '..'

function both16(to: Buffer, at: number, value: number): void {
  to.writeUInt16LE(value, at)
  to.writeUInt16BE(value, at + 2)
}

function both32(to: Buffer, at: number, value: number): void {
  to.writeUInt32LE(value, at)
  to.writeUInt32BE(value, at + 4)
}

function ucs2(to: Buffer, at: number, text: string): void {
  for (let i = 0; i < text.length; i++) to.writeUInt16BE(text.charCodeAt(i), at + 2 * i)
}

const plain = (part: string): string => part.toUpperCase().replaceAll(/[^A-Z0-9]/g, '_')

/** 7.5 and 7.6: what is not of the alphabet becomes `_`; a file has one dot and a version. */
function identifier({ name, folder }: Named, naming: Naming): string {
  const version = folder ? '' : ';1'
  if (naming === 'joliet') return name + version
  const dot = folder ? -1 : name.lastIndexOf('.')
  const [base, extension] = dot < 0 ? [name, ''] : [name.slice(0, dot), name.slice(dot + 1)]
  return plain(base) + (folder ? '' : `.${plain(extension)}`) + version
}

function identifierLength(named: Named, naming: Naming): number {
  if (isDots(named)) return 1
  return identifier(named, naming).length * (naming === 'joliet' ? 2 : 1)
}

function writeIdentifier(to: Buffer, at: number, named: Named, naming: Naming): void {
  if (isDots(named)) to.writeUInt8(named.name.length - 1, at)
  else if (naming === 'joliet') ucs2(to, at, identifier(named, naming))
  else to.write(identifier(named, naming), at, 'latin1')
}

/** Folders and path tables are in this order of their identifiers (9.3). */
export const before =
  (naming: Naming) =>
  (a: Named, b: Named): number =>
    identifier(a, naming) < identifier(b, naming) ? -1 : 1

/** The same at every making, for equal files are to be an equal image: 1980-01-01, 0:00 UTC (9.1.5). */
const DATE = Buffer.from([80, 1, 1, 0, 0, 0, 0])

const [PX, SP, NM, ER] = [36, 7, 5, 8]
const EXTENSION = 'RRIP_1991A'
const [READ_FILE, READ_FOLDER] = [0o100444, 0o040555]

function rockRidgeLength(entry: Named, isRoot: boolean): number {
  if (isRoot) return PX + SP + ER + EXTENSION.length
  return isDots(entry) ? PX : PX + NM + Buffer.byteLength(entry.name)
}

function systemUse(to: Buffer, at: number, signature: string, length: number): number {
  to.write(signature, at, 'latin1')
  to.set([length, 1], at + 2)
  return at + length
}

/** For all to read, root's. The root says that there are such entries at all, which must come first. */
function writeRockRidge(to: Buffer, at: number, entry: Named, isRoot: boolean): void {
  let next = at
  if (isRoot) {
    to.set([0xbe, 0xef], next + 4)
    next = systemUse(to, next, 'SP', SP)
  }
  both32(to, next + 4, entry.folder ? READ_FOLDER : READ_FILE)
  both32(to, next + 12, entry.folder ? 2 : 1)
  next = systemUse(to, next, 'PX', PX)
  if (isRoot) {
    to.set([EXTENSION.length, 0, 0, 1], next + 4)
    to.write(EXTENSION, next + ER, 'latin1')
    systemUse(to, next, 'ER', ER + EXTENSION.length)
  } else if (!isDots(entry)) {
    const length = to.write(entry.name, next + NM)
    systemUse(to, next, 'NM', NM + length)
  }
}

/** In bytes. Throws RangeError for a name that is too long. */
export function recordLength(entry: Named, naming: Naming, isRoot = false): number {
  const named = even(33 + identifierLength(entry, naming))
  const length = naming === 'joliet' ? named : even(named + rockRidgeLength(entry, isRoot))
  if (length > 255) throw new RangeError(`too long for a name on a config drive: ${entry.name}`)
  return length
}

/** 9.1; gives its length. */
export function writeRecord(to: Buffer, at: number, entry: Entry, naming: Naming, isRoot = false): number {
  const length = recordLength(entry, naming, isRoot)
  const id = identifierLength(entry, naming)
  to.writeUInt8(length, at)
  both32(to, at + 2, entry.extent)
  both32(to, at + 10, entry.size)
  to.set(DATE, at + 18)
  to.writeUInt8(entry.folder ? 2 : 0, at + 25)
  both16(to, at + 28, 1)
  to.writeUInt8(id, at + 32)
  writeIdentifier(to, at + 33, entry, naming)
  if (naming === 'primary') writeRockRidge(to, at + even(33 + id), entry, isRoot)
  return length
}

export const pathLength = (folder: Named, naming: Naming): number => even(8 + identifierLength(folder, naming))

/** 9.4, in either order of bytes; `parent` is the number, from 1, of the folder that it is in. Gives its length. */
export function writePath(
  to: Buffer,
  at: number,
  { extent, parent, ...folder }: Named & { extent: number; parent: number },
  naming: Naming,
  order: 'LE' | 'BE',
): number {
  to.writeUInt8(identifierLength(folder, naming), at)
  if (order === 'LE') to.writeUInt32LE(extent, at + 2)
  else to.writeUInt32BE(extent, at + 2)
  if (order === 'LE') to.writeUInt16LE(parent, at + 6)
  else to.writeUInt16BE(parent, at + 6)
  writeIdentifier(to, at + 8, folder, naming)
  return pathLength(folder, naming)
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
export function writeVolume(to: Buffer, at: number, { label, size, pathTable, root }: Volume, naming: Naming): void {
  const sector = to.subarray(at, at + SECTOR)
  const text = (offset: number, length: number, value = ''): void => {
    if (naming === 'joliet') ucs2(sector, offset, value.padEnd(length >> 1))
    else sector.write(value.padEnd(length), offset, 'latin1')
  }
  sector.set([naming === 'joliet' ? 2 : 1, ...Buffer.from('CD001'), 1])
  text(8, 32)
  text(40, 32, label)
  both32(sector, 80, size)
  if (naming === 'joliet') sector.write('%/E', 88)
  for (const offset of [120, 124]) both16(sector, offset, 1)
  both16(sector, 128, SECTOR)
  both32(sector, 132, pathTable.size)
  sector.writeUInt32LE(pathTable.little, 140)
  sector.writeUInt32BE(pathTable.big, 148)
  writeRecord(sector, 156, root, 'joliet')
  for (const [offset, value] of [[190], [318, 'Kubenova'], [446], [574]] as const) text(offset, 128, value)
  for (const offset of [702, 739, 776]) text(offset, 37)
  for (const offset of [813, 830]) sector.write('1980010100000000', offset)
  for (const offset of [847, 864]) sector.write('0'.repeat(16), offset)
  sector.writeUInt8(1, 881)
}

/** 8.3 */
export function writeTerminator(to: Buffer, at: number): void {
  to.set([255, ...Buffer.from('CD001'), 1], at)
}
