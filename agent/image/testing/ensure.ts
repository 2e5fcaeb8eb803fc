/** A process of its own that fetches one image: arguments are the cache's options, the image and the owner, in JSON. */
import { BlockList } from 'node:net'
import { ImageCache, type ImageCacheOptions, type ImageSource } from '../cache.ts'

const [options, image, owner] = process.argv.slice(2, 5).map((a) => JSON.parse(a) as unknown) as [
  Omit<ImageCacheOptions, 'room'>,
  ImageSource,
  string,
]
await using cache = await ImageCache.open({ ...options, blocked: new BlockList(), room: async () => true })
const progress = (bytes: number) => console.log(`bytes ${bytes}`)
const base = await cache.ensure(image, owner, { signal: AbortSignal.timeout(60_000), progress })
console.log(`base ${JSON.stringify(base)}`)
