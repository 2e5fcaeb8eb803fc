/** A small read-only file system in memory: ISO 9660, with the names as they are by Rock Ridge (Linux, BSD) and by Joliet (Windows). Pure. */
import {
  before,
  directoryRecord,
  type Entry,
  type Naming,
  pathRecord,
  SECTOR,
  terminator,
  volumeDescriptor,
} from './iso-records.ts'

interface File {
  name: string
  folder: false
  data: Uint8Array
  extent: number
}

interface Folder {
  name: string
  folder: true
  parent: Folder | undefined
  children: (File | Folder)[]
}

/** Where the folders of one naming lie. The files are of both. */
interface Tree {
  naming: Naming
  /** The root first, and each before those in it. */
  folders: Folder[]
  places: Map<Folder, { extent: number; size: number }>
  tables: { size: number; little: number; big: number }
}

/** 16 sectors for a boot loader, the two descriptors, and the end of them. */
const FIRST = 19

/** BusyBox looks for marks of other file systems as far as 68 KiB, and takes what is shorter for nothing at all. */
const LEAST = 64

/**
 * The image: `label` as it is, of 16 characters at most; `files` by their paths, such as `openstack/latest/user_data`. Equal files in equal
 * order give an equal image.
 */
export function isoImage(label: string, files: ReadonlyMap<string, Uint8Array>): Buffer {
  const { root, leaves } = treeOf(files)
  let next = FIRST
  const take = (bytes: number): number => {
    const extent = next
    next += Math.ceil(bytes / SECTOR)
    return extent
  }
  const trees = (['primary', 'joliet'] as const).map((naming) => layOut(root, naming, take))
  for (const file of leaves) file.extent = take(file.data.length)
  const size = Math.max(next, LEAST)
  const image = Buffer.alloc(size * SECTOR)
  const put = (bytes: Uint8Array, sector: number): void => image.set(bytes, sector * SECTOR)
  for (const [i, tree] of trees.entries()) {
    const top = entryOf(root, '.', tree)
    put(volumeDescriptor({ label, size, pathTable: tree.tables, root: top }, tree.naming), 16 + i)
    put(pathTable(tree, 'LE'), tree.tables.little)
    put(pathTable(tree, 'BE'), tree.tables.big)
    for (const folder of tree.folders) put(folderContent(folder, tree), entryOf(folder, '.', tree).extent)
  }
  put(terminator(), 18)
  for (const { data, extent } of leaves) put(data, extent)
  return image
}

function treeOf(files: ReadonlyMap<string, Uint8Array>): { root: Folder; leaves: File[] } {
  const root: Folder = { name: '.', folder: true, parent: undefined, children: [] }
  const leaves: File[] = []
  for (const [path, data] of files) {
    const names = path.split('/')
    const name = names.pop() ?? ''
    const file: File = { name, folder: false, data, extent: 0 }
    names.reduce(enter, root).children.push(file)
    leaves.push(file)
  }
  return { root, leaves }
}

/** The folder of this name, made if it is not there. */
function enter(parent: Folder, name: string): Folder {
  const there = parent.children.find((child): child is Folder => child.folder && child.name === name)
  if (there) return there
  const made: Folder = { name, folder: true, parent, children: [] }
  parent.children.push(made)
  return made
}

function layOut(root: Folder, naming: Naming, take: (bytes: number) => number): Tree {
  const tree: Tree = { naming, folders: [root], places: new Map(), tables: { size: 0, little: 0, big: 0 } }
  // Those found on the way are gone through in turn: breadth first, as a path table has them.
  for (const folder of tree.folders) {
    tree.folders.push(...sorted(folder, naming).filter((child): child is Folder => child.folder))
  }
  const { length: size } = pathTable(tree, 'LE')
  tree.tables = { size, little: take(size), big: take(size) }
  for (const folder of tree.folders) {
    const { length } = folderContent(folder, tree)
    tree.places.set(folder, { extent: take(length), size: length })
  }
  return tree
}

const sorted = ({ children }: Folder, naming: Naming) => children.toSorted(before(naming))

function entryOf(node: File | Folder, name: string, { places }: Tree): Entry {
  if (!node.folder) return { name, folder: false, extent: node.extent, size: node.data.length }
  // Not laid out yet: only its length is asked for.
  return { name, folder: true, ...(places.get(node) ?? { extent: 0, size: 0 }) }
}

/** Whole sectors: no record lies in two. Its length does not depend on where anything is. */
function folderContent(folder: Folder, tree: Tree): Buffer {
  const { parent = folder } = folder
  const self = directoryRecord(entryOf(folder, '.', tree), tree.naming, parent === folder)
  const above = directoryRecord(entryOf(parent, '..', tree), tree.naming)
  const rest = sorted(folder, tree.naming).map((child) =>
    directoryRecord(entryOf(child, child.name, tree), tree.naming),
  )
  const records: Buffer[] = []
  let used = 0
  for (const record of [self, above, ...rest]) {
    const left = SECTOR - (used % SECTOR)
    if (record.length > left) records.push(Buffer.alloc(left))
    records.push(record)
    used += record.length + (record.length > left ? left : 0)
  }
  return Buffer.concat(records, Math.ceil(used / SECTOR) * SECTOR)
}

function pathTable(tree: Tree, order: 'LE' | 'BE'): Buffer {
  const { folders, naming } = tree
  const numberOf = new Map(folders.map((folder, i) => [folder, i + 1]))
  const parent = (folder: Folder): number => numberOf.get(folder.parent ?? folder) ?? 1
  return Buffer.concat(folders.map((f) => pathRecord(entryOf(f, f.name, tree), parent(f), naming, order)))
}
