/**
 * Fetching a source into a file, however often the connection breaks. The plan:
 *   open at the bytes that are there → append and hash what comes, as long as there is room → at a fault wait and open again →
 *   compare size and checksum.
 * Bytes and the note of what they are (<target>.json) survive a crash; the next call goes on from there.
 */
import { createHash, type Hash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { type FileHandle, open, readFile, rm, stat } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { isOurs, Terminal, Transient } from '../../crds/index.ts'
import { absent, codeOf, diskFull, writeAtomically } from './files.ts'
import type { Room } from './room.ts'
import { type Opened, RangeUnusable, SourceError, type Sources, type Validator } from './source.ts'

export interface DownloadOptions {
  url: string
  /** sha256:<hex> or sha512:<hex> of the source. */
  checksum?: string
  /** The file to fill. */
  target: string
  maxBytes: number
  signal: AbortSignal
  progress?: (bytes: number, total: number | undefined) => void
  retry?: RetryOptions
  room: Room
}

export interface RetryOptions {
  /** Failures in a row, without a byte in between, after which it gives up; default 6. */
  attempts?: number
  /** Milliseconds before the first repetition, doubled at each; default 500. */
  firstDelay?: number
}

/** Bytes after which it is asked for room again: others write there, too. */
const ROOM_EVERY = 64 * 1024 ** 2

/** What <target>.json says of the bytes in the file. */
interface Note {
  url: string
  validator?: Validator
  total?: number
}

/** A download in progress: the file, and the hash of its first `size` bytes. */
interface Part {
  file: FileHandle
  size: number
  hash: Hash
  note: Note
  /** It comes from several answers, which may be of different contents, whatever the server says. */
  doubtful: boolean
}

/**
 * The whole source is in `target`, on disk, verified. Throws Terminal ImageChecksumMismatch, ImageTooLarge,
 * ImageDownloadFailed and ImageSourceRefused for what stays wrong; Transient ImageDownloadFailed and DiskFull.
 */
export async function download(sources: Sources, options: DownloadOptions): Promise<void> {
  const { target, checksum, url, signal } = options
  const part = await resume(options)
  try {
    await fetchAll(sources, part, options)
    let sum = part.hash.digest('hex')
    if (checksum !== undefined && sum !== hexOf(checksum) && part.doubtful) {
      await restart(part, options)
      await fetchAll(sources, part, options)
      sum = part.hash.digest('hex')
    }
    if (checksum !== undefined && sum !== hexOf(checksum)) {
      throw new Terminal(
        'ImageChecksumMismatch',
        `${shown(url)} has ${algorithmOf(checksum)}:${sum}, the image says ${checksum}: correct the checksum or the source`,
      )
    }
    await part.file.sync()
  } catch (error) {
    const known = diskFull(error, 'the image')
    // What is kept can be gone on with: after an abort, a crash, a fault of the network.
    if (isOurs(known) && !(known instanceof Transient && known.code === 'ImageDownloadFailed')) await discard(target)
    signal.throwIfAborted()
    throw known
  } finally {
    await part.file.close()
  }
}

/** Takes file and note away. */
export async function discard(target: string): Promise<void> {
  await rm(target, { force: true })
  await rm(noteOf(target), { force: true })
}

const noteOf = (target: string) => `${target}.json`
const hexOf = (checksum: string) => checksum.slice(checksum.indexOf(':') + 1)
const algorithmOf = (checksum: string | undefined) => (checksum?.startsWith('sha512:') ? 'sha512' : 'sha256')
const newHash = ({ checksum }: DownloadOptions) => createHash(algorithmOf(checksum))

/** The part that an earlier call left, hashed anew; or an empty one. */
async function resume(options: DownloadOptions): Promise<Part> {
  const { target, url, signal } = options
  const note = await readNote(noteOf(target))
  const usable =
    note !== undefined && note.url === url && (note.validator !== undefined || options.checksum !== undefined)
  if (!usable) await discard(target)
  const file = await open(target, 'a', 0o600)
  const part: Part = { file, size: 0, hash: newHash(options), note: usable ? note : { url }, doubtful: false }
  try {
    part.size = (await stat(target)).size
    part.doubtful = part.size > 0
    if (part.size === 0) return part
    for await (const chunk of createReadStream(target, { end: part.size - 1, signal }))
      part.hash.update(chunk as Buffer)
    return part
  } catch (error) {
    await file.close()
    throw error
  }
}

async function readNote(path: string): Promise<Note | undefined> {
  const text = await readFile(path, 'utf8').catch(absent)
  try {
    return text === undefined ? undefined : (JSON.parse(text) as Note)
  } catch {
    // Not ours any more: the bytes beside it are fetched anew.
    return undefined
  }
}

async function restart(part: Part, options: DownloadOptions): Promise<void> {
  await part.file.truncate(0)
  Object.assign(part, { size: 0, hash: newHash(options), note: { url: options.url }, doubtful: false })
}

async function fetchAll(sources: Sources, part: Part, options: DownloadOptions): Promise<void> {
  const { signal, retry: { attempts = 6, firstDelay = 500 } = {} } = options
  for (let failures = 0; ; ) {
    const before = part.size
    try {
      await fetchOnce(sources, part, options)
      return
    } catch (error) {
      signal.throwIfAborted()
      const cause = passing(error, options.url)
      failures = part.size > before ? 1 : failures + 1
      if (failures >= attempts) throw lost(Transient, options.url, cause)
      if (cause instanceof RangeUnusable) await restart(part, options)
      else await sleep(firstDelay * 2 ** (failures - 1), undefined, { signal })
    }
  }
}

/** The error, if it may pass when it is tried again. Throws what stays. */
function passing(cause: unknown, url: string): unknown {
  if (isOurs(cause) || diskFull(cause, '') !== cause) throw cause
  if (cause instanceof SourceError && !cause.retry) throw lost(Terminal, url, cause)
  // Errors of the network have codes; what has none is a mistake of ours.
  if (!(cause instanceof SourceError) && codeOf(cause) === undefined) throw cause
  return cause
}

/** Users read it: without the password or the token that may be in it. */
function shown(url: string): string {
  const { origin, protocol, pathname } = new URL(url)
  return protocol === 'file:' ? `file://${pathname}` : `${origin}${pathname}`
}

const lost = (Kind: typeof Terminal | typeof Transient, url: string, cause: unknown) =>
  new Kind(
    'ImageDownloadFailed',
    `cannot fetch ${shown(url)}: ${cause instanceof Error ? cause.message : String(cause)}`,
    {
      cause,
    },
  )

async function fetchOnce(sources: Sources, part: Part, options: DownloadOptions): Promise<void> {
  const { signal } = options
  if (part.note.total !== undefined && part.size === part.note.total) return
  // Without checksum and validator nothing would tell that the rest belongs to another content.
  const from = part.note.validator === undefined && options.checksum === undefined ? 0 : part.size
  const source = await sources.open(options.url, from, part.note.validator, signal)
  try {
    if (source.start !== part.size) await restart(part, options)
    await remember(part, source, options)
    await append(part, source, options)
  } finally {
    source.body.destroy()
  }
}

async function append(part: Part, { body, total }: Opened, options: DownloadOptions): Promise<void> {
  const { maxBytes, signal, progress } = options
  if (total !== undefined && total > maxBytes) throw tooLarge(total, maxBytes)
  await askRoom(part, total, options)
  let ask = part.size + ROOM_EVERY
  for await (const chunk of body as AsyncIterable<Buffer>) {
    signal.throwIfAborted()
    if (part.size + chunk.length > maxBytes) throw tooLarge(part.size + chunk.length, maxBytes)
    if (part.size >= ask) {
      await askRoom(part, total, options)
      ask = part.size + ROOM_EVERY
    }
    await part.file.appendFile(chunk)
    part.hash.update(chunk)
    part.size += chunk.length
    progress?.(part.size, total)
  }
  if (total === undefined || part.size === total) return
  if (part.size > total) throw new RangeUnusable(`it sent ${part.size} bytes and spoke of ${total}`, true)
  throw new SourceError(`it ended after ${part.size} of ${total} bytes`, true)
}

/** For all that is missing, or, where nobody knows how much that is, for anything at all. */
async function askRoom({ size }: Part, total: number | undefined, { room }: DownloadOptions): Promise<void> {
  if (await room(total === undefined ? 0 : total - size)) return
  if (total === undefined)
    throw new Transient('DiskFull', `no space for more than the first ${size} bytes of the image`)
  throw new Transient('DiskFull', `no space for the ${total - size} bytes that are missing of the image`)
}

const tooLarge = (bytes: number, max: number) =>
  new Terminal('ImageTooLarge', `the image has ${bytes} bytes or more, ${max} are allowed here`)

/** Written before the bytes, so that a crash never leaves bytes of which nobody knows what they are. */
async function remember(part: Part, { validator, total }: Opened, { url, target }: DownloadOptions): Promise<void> {
  if (part.size > 0) part.doubtful = true
  const note: Note = { url, ...(validator !== undefined && { validator }), ...(total !== undefined && { total }) }
  if (JSON.stringify(note) !== JSON.stringify(part.note)) await writeAtomically(noteOf(target), JSON.stringify(note))
  part.note = note
}
