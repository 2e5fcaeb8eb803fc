/**
 * The header of an overlay names the layer below it and that layer's format. Snapshots and block jobs of libvirt change
 * the headers, so the agent reads them before each boot. They can be trusted, because the guest can write a qcow2
 * disk's content but not its header.
 */
import { open, readdir, stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { Transient } from '../../crds/index.ts'
import { pathExists } from '../files/errors.ts'
import type { PlaceCheck } from './disk-places.ts'
import type { Disk } from './disks.ts'
import { readLayerInfo } from './qemu-img.ts'

export interface Layer {
  path: string
  format: 'qcow2' | 'raw'
  /** Absent for a cached image, which other servers use, too. */
  isOwn?: true
  backing?: Layer
}

/**
 * Reads the layers below a disk. Returns undefined if the disk is no overlay.
 * @param isCached whether the file at a path is a cached image, which has no layer below it
 * @param checkPlace throws if a layer is not where disks may be; by default a layer may be anywhere
 * @throws a Transient error (retried): DiskMissing if a layer does not exist; DiskUnusable if a header names a layer
 * that cannot be used, or does not name the layer's format
 */
export async function readLayersBelow(
  { path, format }: Pick<Disk, 'path' | 'format'>,
  isCached: (path: string) => boolean,
  checkPlace: PlaceCheck = async () => undefined,
  above: readonly string[] = [],
): Promise<Layer | undefined> {
  if (format === 'raw') return undefined
  const info = await readLayerInfo(path)
  const below = info['full-backing-filename'] ?? info['backing-filename']
  if (below === undefined) return undefined
  const layer = { path: below, format: await checkLayer(path, below, info['backing-filename-format'], above) }
  if (isCached(below)) return layer
  await checkPlace(below, `the disk ${path} is an overlay on ${below}`)
  const backing = await readLayersBelow(layer, isCached, checkPlace, [...above, path])
  return { ...layer, isOwn: true, ...(backing ? { backing } : {}) }
}

async function checkLayer(
  overlay: string,
  path: string,
  format: string | undefined,
  above: readonly string[],
): Promise<Layer['format']> {
  const unusable = (why: string) => new Transient('DiskUnusable', `the disk ${overlay} is an overlay on ${path}${why}`)
  if (path === overlay || above.includes(path)) throw unusable(', which is an overlay on it in turn')
  if (!path.startsWith('/')) throw unusable(', which is no file of this host')
  if (format === undefined)
    throw unusable(
      `, without its format, which is never guessed: record it with qemu-img rebase -u -F FORMAT -b ${path} ${overlay}`,
    )
  if (format !== 'qcow2' && format !== 'raw') throw unusable(` in the format ${format}: only qcow2 and raw can be used`)
  if (!(await pathExists(path)))
    throw new Transient(
      'DiskMissing',
      `the disk ${overlay} is an overlay on ${path}, which does not exist: bring it back; if it is on the host, mount its directory in the agent's Pod`,
    )
  return format
}

/** Whether `below` is the path of this layer or of a layer below it. */
export const hasLayer = (layer: Layer | undefined, below: string): boolean =>
  layer !== undefined && (layer.path === below || hasLayer(layer.backing, below))

export async function isNewerThan(overlay: string, below: string): Promise<boolean> {
  const [above, old] = await Promise.all([stat(overlay, { bigint: true }), stat(below, { bigint: true })])
  return above.mtimeNs > old.mtimeNs
}

const QCOW2_MAGIC = Buffer.from('QFI\xfb', 'latin1')

export async function findOverlaysIn(directory: string, known: ReadonlySet<string>): Promise<string[]> {
  const entries = await readdir(directory, { withFileTypes: true })
  const paths = entries.filter((entry) => entry.isFile()).map(({ name }) => join(directory, name))
  const checked = await Promise.all(
    paths.map(async (path) => !known.has(path) && !path.endsWith('.json') && (await isQcow2(path))),
  )
  return paths.filter((_, index) => checked[index])
}

async function isQcow2(path: string): Promise<boolean> {
  const file = await open(path)
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(4), 0, 4, 0)
    return bytesRead === 4 && buffer.equals(QCOW2_MAGIC)
  } finally {
    await file.close()
  }
}

/**
 * @param base the cached image that the server's disk was made from, whose path shows where the cache is; undefined if
 * the disk is no overlay: then no path counts as cached
 */
export const newCacheTest = (base: { path: string } | undefined): ((path: string) => boolean) => {
  const root = base && dirname(dirname(base.path))
  return (path) => root !== undefined && path.startsWith(`${root}/`)
}
