import { join } from 'node:path'
import type { Log } from '../../kube/log.ts'
import { pathExists } from '../files/errors.ts'
import { GIB } from '../files/sizes.ts'
import { finishDeletions } from '../image/disks.ts'
import { createSpaceCheck, readSpace, type SpaceCheck } from '../image/free-space.ts'
import { ImageCache } from '../image/image-cache.ts'
import type { SourceNetworkOptions } from '../image/source-network.ts'
import type { AgentOptions } from '../options.ts'
import { uidOfPin } from './images.ts'
import { instancesDirOf } from './paths.ts'

export interface HostStorage extends AsyncDisposable {
  readonly cache: ImageCache
  readonly hasSpace: SpaceCheck
  readonly root: 'copy' | 'overlay'
  /**
   * Removes images that no Server uses, if the limits on size, free space and age require it. Also finishes deletions
   * that a crash interrupted.
   * @param isOurs whether a Server with that uid is on this host
   */
  removeUnused(isOurs: (uid: string) => boolean): Promise<void>
}

function networkOptionsOf({ imageCaFile, imageProxy, imageNoProxy }: AgentOptions): SourceNetworkOptions {
  return {
    ...(imageCaFile !== undefined && { caFile: imageCaFile }),
    ...(imageProxy !== undefined && { proxy: imageProxy }),
    noProxy: imageNoProxy,
  }
}

/** Milliseconds for which an unused image is kept (30 days). */
const MAX_AGE_MS = 30 * 86_400_000

export async function openStorage(options: AgentOptions, log: Log): Promise<HostStorage> {
  const { stateDir, imageDir, rootDisk, imageCacheGib, imageMaxGib, imageMinFreeGib, imageStallSeconds } = options
  const minFree = imageMinFreeGib === undefined ? undefined : imageMinFreeGib * GIB
  const hasSpace = createSpaceCheck(stateDir, minFree)
  const cache = await ImageCache.open({
    directory: join(stateDir, 'cache'),
    hasSpace,
    maxBytes: imageMaxGib * GIB,
    fileRoots: [imageDir],
    stallTimeout: imageStallSeconds * 1000,
    network: networkOptionsOf(options),
    baseFormat: rootDisk === 'flat' ? 'raw' : 'asIs',
  })
  return {
    cache,
    hasSpace,
    root: rootDisk === 'flat' ? 'copy' : 'overlay',
    async removeUnused(isOurs) {
      const root = instancesDirOf(stateDir)
      await finishDeletions(root)
      const mayHaveDisks = async (pin: string): Promise<boolean> => {
        const uid = uidOfPin(pin)
        return isOurs(uid) || pathExists(join(root, uid))
      }
      await cache.removeStalePins(mayHaveDisks)
      const { reserved } = await readSpace(stateDir, minFree)
      const evicted = await cache.evict({ maxBytes: imageCacheGib * GIB, maxAge: MAX_AGE_MS, minFree: reserved })
      if (evicted.length > 0) log.info({ images: evicted.length }, 'unused images removed from the cache')
    },
    [Symbol.asyncDispose]: () => cache[Symbol.asyncDispose](),
  }
}
