/**
 * Finds the files that a Server's disks are in now: libvirt's tools and backup programs move them by snapshots and
 * block jobs. The domain's definition names the disks. The agent also records them in disks.json, because the
 * definition is lost if somebody undefines the domain.
 */
import { isKubenovaError, Transient } from '../../crds/index.ts'
import { definedDisksOf, diskFileOf } from '../domain/defined-disks.ts'
import type { AttachedDisk, DiskFile } from '../domain/input.ts'
import type { XmlNode } from '../domain/parse-xml.ts'
import { childAt } from '../domain/parse-xml.ts'
import { pathExists } from '../files/errors.ts'
import { findOverlaysIn, hasLayer, isNewerThan, newCacheTest, readLayersBelow } from '../image/disk-layers.ts'
import { newPlaceCheck, type PlaceCheck } from '../image/disk-places.ts'
import { type Disk, type Disks, readRecordedDisks, recordMovedDisks } from '../image/disks.ts'
import type { DomainDefinition } from './domain-client.ts'
import type { ServerPaths } from './paths.ts'

export interface LocatedDisks {
  disks: { root: DiskFile; ephemeral?: DiskFile; swap?: DiskFile }
  /** Set if the domain is defined for a rescue. */
  rescue?: DiskFile
  attached: AttachedDisk[]
}

type Role = keyof Disks
type Place = Pick<Disk, 'path' | 'format' | 'type'>

/** `recorded` has the places that disks.json names, `current` those in the domain's definition. */
interface Places {
  recorded: Disks
  current: Partial<Record<Role, Place>>
  defined: ReadonlySet<Role>
  rescue?: Place
  attached: XmlNode[]
}

const rolesOf = (disks: Partial<Record<Role, unknown>>): Role[] => Object.keys(disks) as Role[]

/**
 * Finds all disks with their layers, for a new definition.
 * @param diskDirs directories in which the server's disks may be, in addition to the server's own directory
 * @param definition the domain's present definition; undefined if there is no domain
 * @throws a Transient error (retried): DiskMissing if a file does not exist; DiskUnusable if the definition names a
 * disk that cannot be used; DiskLayersConflict if the guest wrote to a newer layer than the one that would be booted
 */
export async function locateDisks(
  { dir }: ServerPaths,
  definition: DomainDefinition | undefined,
  diskDirs: readonly string[],
): Promise<LocatedDisks | undefined> {
  const places = await readPlaces(dir, definition)
  if (!places) return undefined
  const { recorded, current, rescue, attached } = places
  await checkPlaces(dir, places, definition)
  await recordPlaces(dir, places)
  const isCached = newCacheTest(recorded.root.backing)
  const checkPlace = newPlaceCheck([dir, ...diskDirs])
  await checkDirectories({ ...current, ...(rescue && { rescue }) }, checkPlace)
  const withLayers = async (place: Place): Promise<DiskFile> => {
    const backing = await readLayersBelow(place, isCached, checkPlace)
    return { ...place, ...(backing ? { backing } : {}) }
  }
  const found = await Promise.all(
    rolesOf(current).map(async (role) => [role, await withLayers(current[role] as Place)] as const),
  )
  return {
    disks: Object.fromEntries(found) as unknown as LocatedDisks['disks'],
    ...(rescue ? { rescue: await withLayers(rescue) } : {}),
    attached: await Promise.all(attached.map((element) => attachedDiskOf(element, isCached))),
  }
}

/**
 * Records in disks.json where the domain's disks are. If the guest's newest data may be in other files, nothing is
 * recorded, and no error is thrown: the next start of the domain reports the problem.
 */
export async function recordLocations({ dir }: ServerPaths, definition: DomainDefinition): Promise<void> {
  try {
    const places = await readPlaces(dir, definition)
    if (!places || !isMoved(places)) return
    // While the domain runs, QEMU writes to the files that the definition names, so only a domain that is off needs the
    // check.
    const problem = definition.isActive ? undefined : await findProblem(dir, places, definition)
    // DiskUnusable: a block commit has made a cached image the domain's disk, so the guest may have written to that
    // image. Without a record the guest could later boot from its former disk, which lacks that data.
    if (problem === undefined || problem === 'DiskUnusable') await recordPlaces(dir, places)
  } catch (error) {
    if (!isKubenovaError(error)) throw error
  }
}

/** Returns undefined if checkPlaces throws no error. */
const findProblem = (dir: string, places: Places, definition: DomainDefinition): Promise<string | undefined> =>
  checkPlaces(dir, places, definition).then(
    () => undefined,
    (error: unknown) => {
      if (isKubenovaError(error)) return error.code
      throw error
    },
  )

async function readPlaces(dir: string, definition: DomainDefinition | undefined): Promise<Places | undefined> {
  const recorded = await readRecordedDisks(dir)
  if (!recorded) return undefined
  const roles = rolesOf(recorded)
  const { own, attached } = definition ? definedDisksOf(definition.xml, roles) : { own: {}, attached: [] }
  const current: Places['current'] = {}
  for (const role of roles) {
    const node = own[role]
    current[role] = node ? diskFileOf(node, role) : placeOf(recorded[role] as Disk)
  }
  const defined = new Set(roles.filter((role) => own[role] !== undefined))
  return { recorded, current, defined, attached, ...(own.rescue ? { rescue: diskFileOf(own.rescue, 'rescue') } : {}) }
}

const placeOf = ({ path, format, type }: Disk): Place => ({ path, format, ...(type ? { type } : {}) })

const isSame = (a: Place, b: Place): boolean => a.path === b.path && a.format === b.format && a.type === b.type

const isMoved = ({ recorded, current }: Places): boolean =>
  rolesOf(current).some((role) => !isSame(current[role] as Place, recorded[role] as Disk))

async function recordPlaces(dir: string, places: Places): Promise<void> {
  if (isMoved(places)) await recordMovedDisks(dir, places.current)
}

async function checkPlaces(dir: string, places: Places, definition: DomainDefinition | undefined): Promise<void> {
  const { recorded, current } = places
  const isCached = newCacheTest(recorded.root.backing)
  for (const role of rolesOf(current)) {
    const { path } = current[role] as Place
    if (isCached(path)) throw cachedImageError(role, path)
    if (definition?.isActive) continue
    if (!(await pathExists(path)))
      throw new Transient(
        'DiskMissing',
        `the server's ${role} disk is ${path}, which does not exist: bring it back; if it is on the host, mount its directory in the agent's Pod`,
      )
    const newer = await findNewerLayer(dir, role, places, isCached)
    if (newer !== undefined) throw newerLayerError(role, path, newer)
  }
}

async function checkDirectories(places: Readonly<Record<string, Place>>, checkPlace: PlaceCheck): Promise<void> {
  for (const [role, { path }] of Object.entries(places)) await checkPlace(path, `the server's ${role} disk is ${path}`)
}

const cachedImageError = (role: Role, path: string): Transient =>
  new Transient(
    'DiskUnusable',
    `the domain's definition has ${path} as its ${role} disk, a cached image that other servers use (virsh blockcommit does that without --shallow or --base): copy the file to the server's directory, and name the copy with virsh edit; leave the file itself, because other servers need it`,
  )

const newerLayerError = (role: Role, path: string, newer: string): Transient =>
  new Transient(
    'DiskLayersConflict',
    `the server would boot from the ${role} disk ${path}, but the guest has written to ${newer} later: name that file in the domain's definition (virsh edit), or move it to another directory if its data is not wanted`,
  )

/**
 * Finds a file that the guest wrote to more recently than to the present disk of this role; undefined if there is none.
 * If the definition names no disk for the role, somebody may have taken a snapshot that the agent did not see, so all
 * overlays on the disk in the server's directory are checked, too.
 */
async function findNewerLayer(
  dir: string,
  role: Role,
  { recorded, current, defined }: Places,
  isCached: (path: string) => boolean,
): Promise<string | undefined> {
  const place = current[role] as Place
  const { path } = place
  const last = (recorded[role] as Disk).path
  if (await isUsedLater(last, place, isCached)) return last
  const known = new Set(rolesOf(current).map((other) => (current[other] as Place).path))
  const candidates = defined.has(role) ? [] : await findOverlaysIn(dir, known)
  for (const candidate of candidates) {
    // A file that is no overlay, or is a broken one, cannot be the disk that the guest used.
    const layers = await readLayersBelow({ path: candidate, format: 'qcow2' }, isCached).catch(ignoreUnusable)
    if (hasLayer(layers, path) && (await isNewerThan(candidate, path))) return candidate
  }
  return undefined
}

/**
 * Compares two files: the disk that disks.json records, and the present disk. Returns true if the guest wrote to the
 * recorded file later. Returns false if the recorded file is a layer of the present disk, because the present disk is
 * then the overlay of a snapshot.
 * @param last path of the file that disks.json records
 * @param place the present disk
 */
async function isUsedLater(last: string, place: Place, isCached: (path: string) => boolean): Promise<boolean> {
  if (last === place.path || !(await pathExists(last))) return false
  return (await isNewerThan(last, place.path)) && !hasLayer(await readLayersBelow(place, isCached), last)
}

function ignoreUnusable(error: unknown): undefined {
  if (!isKubenovaError(error)) throw error
}

/** Finds the layers only of a qcow2 disk: for any other format, QEMU finds the layers itself. */
async function attachedDiskOf(element: XmlNode, isCached: (path: string) => boolean): Promise<AttachedDisk> {
  const { file, dev } = childAt(element, 'source')?.attributes ?? {}
  const path = file ?? dev
  const isQcow2 = childAt(element, 'driver')?.attributes['type'] === 'qcow2'
  if (path === undefined || !isQcow2) return { element }
  const backing = await readLayersBelow({ path, format: 'qcow2' }, isCached)
  return { element, ...(backing ? { backing } : {}) }
}
