/**
 * A program that puts one image into the cache, for tests that need a second process. Its arguments are JSON: the
 * cache's options, the image, and the uid of the server for which the image is pinned.
 */
import { BlockList } from 'node:net'
import { ImageCache, type ImageCacheOptions, type ImageSource } from '../image-cache.ts'

const [options, image, owner] = process.argv.slice(2, 5).map((argument) => JSON.parse(argument) as unknown) as [
  Omit<ImageCacheOptions, 'hasSpace'>,
  ImageSource,
  string,
]
await using cache = await ImageCache.open({ ...options, blocked: new BlockList(), hasSpace: async () => true })
const progress = (bytes: number) => console.log(`bytes ${bytes}`)
const base = await cache.ensure(image, owner, { signal: AbortSignal.timeout(60_000), progress })
console.log(`base ${JSON.stringify(base)}`)
