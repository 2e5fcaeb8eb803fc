/**
 * Downloads the source of an image into a file. After an error it opens the source again at the first byte that the
 * file lacks. At the end it compares size and checksum. The bytes and their description (<target>.json) survive a crash
 * of the agent; the next call continues the download.
 */
import { createHash, type Hash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { type FileHandle, open, readFile, rm, stat } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { isKubenovaError, Terminal, Transient } from '../../crds/index.ts'
import { writeFileAtomically } from '../files/atomic-files.ts'
import { errorCodeOf, ignoreNotFound, newDiskFull, toDiskFull } from '../files/errors.ts'
import { describeFile } from './base-plan.ts'
import type { SpaceCheck } from './free-space.ts'
import { type OpenedSource, RangeUnusable, SourceError, type SourceOpener, type Validator } from './image-source.ts'

export interface DownloadOptions {
  url: string
  /** sha256:<hex> or sha512:<hex> of the source. */
  checksum?: string
  /** The header Authorization, which is sent to the host of the URL only. */
  authorization?: string
  /** The file to fill. */
  target: string
  maxBytes: number
  signal: AbortSignal
  progress?: (bytes: number, total: number | undefined) => void
  retry?: RetryOptions
  hasSpace: SpaceCheck
}

export interface RetryOptions {
  /** Consecutive attempts without a new byte after which the download fails; default 6. */
  attempts?: number
  /** Milliseconds before the first retry, doubled at each; default 500. */
  firstDelay?: number
}

/**
 * Bytes between two checks of the free space. One check at the start is not enough, because guests write to the same
 * file system.
 */
const SPACE_CHECK_BYTES = 64 * 1024 ** 2

/** The content of <target>.json. */
interface Description {
  url: string
  validator?: Validator
  total?: number
  mediaType?: string
}

export interface Downloaded {
  mediaType: string | undefined
}

/** `hash` covers the first `size` bytes of the file. */
interface PartialFile {
  file: FileHandle
  size: number
  hash: Hash
  description: Description
  /**
   * Whether the bytes came in several responses. They may then be of different versions of the source, even if the
   * validator (ETag or Last-Modified) is the same.
   */
  isMixed: boolean
}

/**
 * Verifies the downloaded bytes and flushes them to disk.
 * @throws a Terminal error (not retried): ImageChecksumMismatch, ImageTooLarge, ImageSourceNotAllowed,
 * ImageFileMissing, or ImageDownloadFailed if a retry cannot help
 * @throws a Transient error (retried): DiskFull, or ImageDownloadFailed if a retry may help
 */
export async function downloadSource(sources: SourceOpener, options: DownloadOptions): Promise<Downloaded> {
  const { target, checksum, signal } = options
  const part = await openPartialFile(options)
  try {
    await fetchAll(sources, part, options)
    let digest = part.hash.digest('hex')
    if (checksum !== undefined && digest !== hexOf(checksum) && part.isMixed) {
      await startOver(part, options)
      await fetchAll(sources, part, options)
      digest = part.hash.digest('hex')
    }
    if (checksum !== undefined && digest !== hexOf(checksum)) throw await checksumMismatchError(part, digest, options)
    await part.file.sync()
    return { mediaType: part.description.mediaType }
  } catch (thrown) {
    const error = toDiskFull(thrown, 'the image')
    // After an abort or a network error the next call continues the download, so the bytes are kept. After any other
    // error the bytes are useless or the disk is full, so the bytes are removed.
    if (isKubenovaError(error) && !(error instanceof Transient && error.code === 'ImageDownloadFailed'))
      await discardDownload(target)
    signal.throwIfAborted()
    throw error
  } finally {
    await part.file.close()
  }
}

/** If the file is no disk image but, for example, an HTML page, the likely fault is a wrong URL. */
async function checksumMismatchError(
  { description }: PartialFile,
  digest: string,
  { url, target, checksum }: DownloadOptions,
): Promise<Terminal> {
  const what = await describeFile(target, description.mediaType)
  return new Terminal(
    'ImageChecksumMismatch',
    `${withoutSecrets(url)} has ${algorithmOf(checksum)}:${digest}, the Image has ${checksum}: ${what ?? 'correct the checksum or the source'}`,
  )
}

/** Removes the file and its description. */
export async function discardDownload(target: string): Promise<void> {
  await rm(target, { force: true })
  await rm(descriptionPath(target), { force: true })
}

const descriptionPath = (target: string) => `${target}.json`
const hexOf = (checksum: string) => checksum.slice(checksum.indexOf(':') + 1)
const algorithmOf = (checksum: string | undefined) => (checksum?.startsWith('sha512:') ? 'sha512' : 'sha256')
const newHash = ({ checksum }: DownloadOptions) => createHash(algorithmOf(checksum))

/** If the download cannot be continued from the bytes of an earlier call, starts with an empty file. */
async function openPartialFile(options: DownloadOptions): Promise<PartialFile> {
  const { target, url, signal } = options
  const saved = await readDescription(descriptionPath(target))
  const isUsable =
    saved !== undefined && saved.url === url && (saved.validator !== undefined || options.checksum !== undefined)
  if (!isUsable) await discardDownload(target)
  const file = await open(target, 'a', 0o600)
  const description = isUsable ? saved : { url }
  const part: PartialFile = { file, size: 0, hash: newHash(options), description, isMixed: false }
  try {
    part.size = (await stat(target)).size
    part.isMixed = part.size > 0
    if (part.size === 0) return part
    for await (const chunk of createReadStream(target, { end: part.size - 1, signal }))
      part.hash.update(chunk as Buffer)
    return part
  } catch (error) {
    await file.close()
    throw error
  }
}

async function readDescription(path: string): Promise<Description | undefined> {
  const text = await readFile(path, 'utf8').catch(ignoreNotFound)
  try {
    return text === undefined ? undefined : (JSON.parse(text) as Description)
  } catch {
    // The description is damaged, so the caller fetches all bytes anew.
    return undefined
  }
}

async function startOver(part: PartialFile, options: DownloadOptions): Promise<void> {
  await part.file.truncate(0)
  Object.assign(part, { size: 0, hash: newHash(options), description: { url: options.url }, isMixed: false })
}

async function fetchAll(sources: SourceOpener, part: PartialFile, options: DownloadOptions): Promise<void> {
  const { signal, retry: { attempts = 6, firstDelay = 500 } = {} } = options
  for (let failures = 0; ; ) {
    const sizeBefore = part.size
    try {
      await fetchOnce(sources, part, options)
      return
    } catch (thrown) {
      signal.throwIfAborted()
      const error = rethrowUnlessTransient(thrown, options.url)
      failures = part.size > sizeBefore ? 1 : failures + 1
      if (failures >= attempts) throw downloadFailedError(Transient, options.url, error)
      if (error instanceof RangeUnusable) await startOver(part, options)
      else await sleep(firstDelay * 2 ** (failures - 1), undefined, { signal })
    }
  }
}

/** Returns the error if a retry may help; throws it otherwise. */
function rethrowUnlessTransient(error: unknown, url: string): unknown {
  if (isKubenovaError(error) || toDiskFull(error, '') !== error) throw error
  if (error instanceof SourceError && !error.isRetryable) throw downloadFailedError(Terminal, url, error)
  // Errors of the network have a code, such as ECONNRESET. An error without a code is a bug.
  if (!(error instanceof SourceError) && errorCodeOf(error) === undefined) throw error
  return error
}

/** The URL for messages: without password, token and query. */
function withoutSecrets(url: string): string {
  const { origin, protocol, pathname } = new URL(url)
  return protocol === 'file:' ? `file://${pathname}` : `${origin}${pathname}`
}

const downloadFailedError = (Kind: typeof Terminal | typeof Transient, url: string, cause: unknown) =>
  new Kind(
    'ImageDownloadFailed',
    `cannot fetch ${withoutSecrets(url)}: ${cause instanceof Error ? cause.message : String(cause)}`,
    { cause },
  )

async function fetchOnce(sources: SourceOpener, part: PartialFile, options: DownloadOptions): Promise<void> {
  const { signal } = options
  const { total, validator } = part.description
  if (total !== undefined && part.size === total) return
  // With neither a checksum nor a validator, nothing would reveal that a continued download mixes two versions of the
  // source.
  const from = validator === undefined && options.checksum === undefined ? 0 : part.size
  const { url, authorization } = options
  const source = await sources.open(url, { from, validator, authorization }, signal)
  try {
    if (source.start !== part.size) await startOver(part, options)
    await saveDescription(part, source, options)
    await appendBody(part, source, options)
  } finally {
    source.body.destroy()
  }
}

async function appendBody(part: PartialFile, { body, total }: OpenedSource, options: DownloadOptions): Promise<void> {
  const { maxBytes, signal, progress } = options
  if (total !== undefined && total > maxBytes) throw imageTooLargeError(total, maxBytes)
  await requireSpace(part, total, options)
  let nextCheck = part.size + SPACE_CHECK_BYTES
  for await (const chunk of body as AsyncIterable<Buffer>) {
    signal.throwIfAborted()
    if (part.size + chunk.length > maxBytes) throw imageTooLargeError(part.size + chunk.length, maxBytes)
    if (part.size >= nextCheck) {
      await requireSpace(part, total, options)
      nextCheck = part.size + SPACE_CHECK_BYTES
    }
    await part.file.appendFile(chunk)
    part.hash.update(chunk)
    part.size += chunk.length
    progress?.(part.size, total)
  }
  if (total === undefined || part.size === total) return
  if (part.size > total) throw new RangeUnusable(`it sent ${part.size} bytes and announced ${total}`, true)
  throw new SourceError(`it ended after ${part.size} of ${total} bytes`, true)
}

/**
 * If `total` is unknown, checks only that the reserved space (free-space.ts) is still free.
 * @throws a Transient error (retried) with the code DiskFull if there is not enough space
 */
async function requireSpace(
  { size }: PartialFile,
  total: number | undefined,
  { hasSpace }: DownloadOptions,
): Promise<void> {
  if (await hasSpace(total === undefined ? 0 : total - size)) return
  if (total === undefined)
    throw new Transient('DiskFull', `no space for more than the first ${size} bytes of the image`)
  throw newDiskFull(`the ${total - size} bytes that are missing of the image`)
}

const imageTooLargeError = (bytes: number, max: number) =>
  new Terminal('ImageTooLarge', `the image has ${bytes} bytes or more, ${max} are allowed here`)

/** Written before the download's first byte, so that a crash leaves no bytes without a description. */
async function saveDescription(
  part: PartialFile,
  { validator, total, mediaType }: OpenedSource,
  { url, target }: DownloadOptions,
): Promise<void> {
  if (part.size > 0) part.isMixed = true
  const description: Description = {
    url,
    ...(validator !== undefined && { validator }),
    ...(total !== undefined && { total }),
    ...(mediaType !== undefined && { mediaType }),
  }
  if (JSON.stringify(description) !== JSON.stringify(part.description))
    await writeFileAtomically(descriptionPath(target), JSON.stringify(description))
  part.description = description
}
