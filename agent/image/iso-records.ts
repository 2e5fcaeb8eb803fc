/**
 * Writes records of ISO 9660, Joliet and Rock Ridge (SUSP 1.10, RRIP 1991A) directly into an image, because a buffer
 * for each record would leave a megabyte of garbage.
 */

export const SECTOR = 2048

/**
 * `primary`: the restricted alphabet of ISO 9660, with the full names in additional Rock Ridge entries. `joliet`:
 * UCS-2.
 */
export type Naming = 'primary' | 'joliet'

interface Named {
  name: string
  isFolder: boolean
}

export interface Entry extends Named {
  /** First sector of the data. */
  extent: number
  /** Size of the data in bytes. */
  size: number
}

const roundUpToEven = (length: number): number => length + (length & 1)
const isSelfOrParent = ({ name }: Named): boolean => name === '.' || name === '..'

function writeBothEndian16(to: Buffer, at: number, value: number): void {
  to.writeUInt16LE(value, at)
  to.writeUInt16BE(value, at + 2)
}

function writeBothEndian32(to: Buffer, at: number, value: number): void {
  to.writeUInt32LE(value, at)
  to.writeUInt32BE(value, at + 4)
}

function writeUcs2(to: Buffer, at: number, text: string): void {
  for (let i = 0; i < text.length; i++) to.writeUInt16BE(text.charCodeAt(i), at + 2 * i)
}

const toRestrictedAlphabet = (part: string): string => part.toUpperCase().replaceAll(/[^A-Z0-9]/g, '_')

/**
 * ECMA-119, 7.5 and 7.6. A file's name ends with the version `;1`. A primary name is in upper case, with `_` for other
 * characters, and for a file exactly one dot.
 */
function identifierOf({ name, isFolder }: Named, naming: Naming): string {
  const version = isFolder ? '' : ';1'
  if (naming === 'joliet') return name + version
  const dot = isFolder ? -1 : name.lastIndexOf('.')
  const [base, extension] = dot < 0 ? [name, ''] : [name.slice(0, dot), name.slice(dot + 1)]
  return toRestrictedAlphabet(base) + (isFolder ? '' : `.${toRestrictedAlphabet(extension)}`) + version
}

function identifierLength(named: Named, naming: Naming): number {
  if (isSelfOrParent(named)) return 1
  return identifierOf(named, naming).length * (naming === 'joliet' ? 2 : 1)
}

function writeIdentifier(to: Buffer, at: number, named: Named, naming: Naming): void {
  if (isSelfOrParent(named)) to.writeUInt8(named.name.length - 1, at)
  else if (naming === 'joliet') writeUcs2(to, at, identifierOf(named, naming))
  else to.write(identifierOf(named, naming), at, 'latin1')
}

/** ECMA-119, 9.3. */
export const compareIdentifiers =
  (naming: Naming) =>
  (a: Named, b: Named): number =>
    identifierOf(a, naming) < identifierOf(b, naming) ? -1 : 1

/** 1980-01-01, 0:00 UTC (ECMA-119, 9.1.5). Constant, so that equal files give an equal image. */
const DATE = Buffer.from([80, 1, 1, 0, 0, 0, 0])

/** Lengths of Rock Ridge entries in bytes. The lengths of NM and ER do not include their text. */
const [PX_LENGTH, SP_LENGTH, NM_LENGTH, ER_LENGTH] = [36, 7, 5, 8]
const EXTENSION = 'RRIP_1991A'
const FILE_MODE = 0o100444
const FOLDER_MODE = 0o040555

function rockRidgeLength(entry: Named, isRoot: boolean): number {
  if (isRoot) return PX_LENGTH + SP_LENGTH + ER_LENGTH + EXTENSION.length
  return isSelfOrParent(entry) ? PX_LENGTH : PX_LENGTH + NM_LENGTH + Buffer.byteLength(entry.name)
}

/** Returns the offset after the entry. */
function writeSystemUseHeader(to: Buffer, at: number, signature: string, length: number): number {
  to.write(signature, at, 'latin1')
  to.set([length, 1], at + 2)
  return at + length
}

/** The first entry of the root folder is SP, which announces Rock Ridge. */
function writeRockRidge(to: Buffer, at: number, entry: Named, isRoot: boolean): void {
  let next = at
  if (isRoot) {
    to.set([0xbe, 0xef], next + 4)
    next = writeSystemUseHeader(to, next, 'SP', SP_LENGTH)
  }
  writeBothEndian32(to, next + 4, entry.isFolder ? FOLDER_MODE : FILE_MODE)
  writeBothEndian32(to, next + 12, entry.isFolder ? 2 : 1)
  next = writeSystemUseHeader(to, next, 'PX', PX_LENGTH)
  if (isRoot) {
    to.set([EXTENSION.length, 0, 0, 1], next + 4)
    to.write(EXTENSION, next + ER_LENGTH, 'latin1')
    writeSystemUseHeader(to, next, 'ER', ER_LENGTH + EXTENSION.length)
  } else if (!isSelfOrParent(entry)) {
    const length = to.write(entry.name, next + NM_LENGTH)
    writeSystemUseHeader(to, next, 'NM', NM_LENGTH + length)
  }
}

/** Returns the record's length in bytes. Throws RangeError for a name that is too long. */
export function recordLength(entry: Named, naming: Naming, isRoot = false): number {
  const named = roundUpToEven(33 + identifierLength(entry, naming))
  const length = naming === 'joliet' ? named : roundUpToEven(named + rockRidgeLength(entry, isRoot))
  if (length > 255) throw new RangeError(`the name is too long for a config drive: ${entry.name}`)
  return length
}

export function writeRecord(to: Buffer, at: number, entry: Entry, naming: Naming, isRoot = false): number {
  const length = recordLength(entry, naming, isRoot)
  const id = identifierLength(entry, naming)
  to.writeUInt8(length, at)
  writeBothEndian32(to, at + 2, entry.extent)
  writeBothEndian32(to, at + 10, entry.size)
  to.set(DATE, at + 18)
  to.writeUInt8(entry.isFolder ? 2 : 0, at + 25)
  writeBothEndian16(to, at + 28, 1)
  to.writeUInt8(id, at + 32)
  writeIdentifier(to, at + 33, entry, naming)
  if (naming === 'primary') writeRockRidge(to, at + roundUpToEven(33 + id), entry, isRoot)
  return length
}

export const pathRecordLength = (folder: Named, naming: Naming): number =>
  roundUpToEven(8 + identifierLength(folder, naming))

/**
 * Writes a path table record (ECMA-119, 9.4) and returns its length in bytes.
 * @param parent the number of the parent folder in the path table, counted from 1
 */
export function writePathRecord(
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
  return pathRecordLength(folder, naming)
}

export interface PathTable {
  size: number
  littleEndian: number
  bigEndian: number
}

export interface VolumeDescriptor {
  label: string
  /** Size of the volume in sectors. */
  size: number
  /** The size in bytes, and the first sectors of the little-endian and big-endian copies. */
  pathTable: PathTable
  root: Entry
}

/**
 * ECMA-119, 8.4. For Joliet this is a supplementary volume descriptor (8.5), whose escape sequence announces UCS-2
 * level 3.
 */
export function writeVolumeDescriptor(
  to: Buffer,
  at: number,
  { label, size, pathTable, root }: VolumeDescriptor,
  naming: Naming,
): void {
  const sector = to.subarray(at, at + SECTOR)
  const text = (offset: number, length: number, value = ''): void => {
    if (naming === 'joliet') writeUcs2(sector, offset, value.padEnd(length >> 1))
    else sector.write(value.padEnd(length), offset, 'latin1')
  }
  sector.set([naming === 'joliet' ? 2 : 1, ...Buffer.from('CD001'), 1])
  text(8, 32)
  text(40, 32, label)
  writeBothEndian32(sector, 80, size)
  if (naming === 'joliet') sector.write('%/E', 88)
  for (const offset of [120, 124]) writeBothEndian16(sector, offset, 1)
  writeBothEndian16(sector, 128, SECTOR)
  writeBothEndian32(sector, 132, pathTable.size)
  sector.writeUInt32LE(pathTable.littleEndian, 140)
  sector.writeUInt32BE(pathTable.bigEndian, 148)
  writeRecord(sector, 156, root, 'joliet')
  for (const [offset, value] of [[190], [318, 'Kubenova'], [446], [574]] as const) text(offset, 128, value)
  for (const offset of [702, 739, 776]) text(offset, 37)
  for (const offset of [813, 830]) sector.write('1980010100000000', offset)
  for (const offset of [847, 864]) sector.write('0'.repeat(16), offset)
  sector.writeUInt8(1, 881)
}

export function writeTerminator(to: Buffer, at: number): void {
  to.set([255, ...Buffer.from('CD001'), 1], at)
}
