/** A server's files: its image in the cache, its disks, its config drive. Puts agent/image together for the port Host. */
import { join } from 'node:path'
import type { Guest, StepContext } from '../../actions/host/index.ts'
import { Transient } from '../../crds/index.ts'
import type { Log } from '../../kube/log.ts'
import { ImageCache } from '../image/cache.ts'
import { writeConfigDrive } from '../image/config-drive.ts'
import { createDisks, deleteDisks, finishDeletions, readDisks } from '../image/disks.ts'
import { exists } from '../image/files.ts'
import { roomIn, spaceOf } from '../image/room.ts'
import { writeOwner } from '../leftovers.ts'
import type { AgentOptions } from '../options.ts'
import type { Storage } from './libvirt-host.ts'
import { instancesDir } from './paths.ts'

export interface HostStorage extends Storage, AsyncDisposable {
  /**
   * Lets go of images that no server uses, as far as the limits ask for it, and of what a crash left of a deletion.
   * @param isOurs is there a Server of that uid on this host?
   */
  clean(isOurs: (uid: string) => boolean): Promise<void>
}

const GIB = 1024 ** 3
/** What nobody came back for: half a download, an image that no server has used since. */
const MAX_AGE_MS = 30 * 86_400_000

export async function openStorage(options: AgentOptions, log: Log): Promise<HostStorage> {
  const { stateDir, imageDir, rootDisk, imageCacheGib, imageMaxGib, imageMinFreeGib, imageStallSeconds } = options
  const minFree = imageMinFreeGib === undefined ? undefined : imageMinFreeGib * GIB
  const room = roomIn(stateDir, minFree)
  const cache = await ImageCache.open({
    directory: join(stateDir, 'cache'),
    room,
    maxBytes: imageMaxGib * GIB,
    fileRoots: [imageDir],
    stallTimeout: imageStallSeconds * 1000,
    baseFormat: rootDisk === 'flat' ? 'raw' : 'asIs',
  })
  const fetch = ({ instance, server }: Guest, { signal, progress }: StepContext) =>
    cache.ensure(instance.image, server.metadata.uid ?? '', {
      signal,
      progress: (bytes, total) => progress(`fetches image ${instance.image.name}: ${amount(bytes, total)}`),
    })
  return {
    async fetchImage(guest, ctx) {
      await fetch(guest, ctx)
    },
    async createDisks(guest, { dir }, ctx) {
      if (await readDisks(dir)) return
      const { metadata, status } = guest.server
      // Its data was on them. An empty disk in their place would look as if all were well, and bury them when they are back.
      if (status?.launchedAt !== undefined) throw missing(dir)
      const { namespace = '', name, uid = '' } = metadata
      await writeOwner(dir, { namespace, name, uid })
      const base = await fetch(guest, ctx)
      const root = rootDisk === 'flat' ? 'copy' : 'overlay'
      await createDisks({ directory: dir, instance: guest.instance, base, root, room, signal: ctx.signal })
    },
    async disks({ dir }) {
      const disks = await readDisks(dir)
      if (!disks) throw missing(dir)
      return disks
    },
    async writeConfigDrive(guest, { dir }, { signal }) {
      await writeConfigDrive(guest, { directory: dir, signal })
    },
    async remove(uid, { dir }) {
      await deleteDisks(dir)
      await cache.unpin(uid)
    },
    async clean(isOurs) {
      const root = instancesDir(stateDir)
      await finishDeletions(root)
      const isThere = async (uid: string): Promise<boolean> => isOurs(uid) || exists(join(root, uid))
      await cache.dropPins(isThere)
      const { kept } = await spaceOf(stateDir, minFree)
      const gone = await cache.clean({ maxBytes: imageCacheGib * GIB, maxAge: MAX_AGE_MS, minFree: kept })
      if (gone.length > 0) log.info({ images: gone.length }, 'unused images removed from the cache')
    },
    [Symbol.asyncDispose]: () => cache[Symbol.asyncDispose](),
  }
}

const missing = (dir: string): Transient =>
  new Transient(
    'DiskMissing',
    `not all disks of the server are in ${dir}: bring them back (is the file system mounted?), or delete the server`,
  )

function amount(bytes: number, total: number | undefined): string {
  const mib = (n: number): string => `${Math.round(n / 1024 ** 2)} MiB`
  return total === undefined ? mib(bytes) : `${mib(bytes)} of ${mib(total)}`
}
