/**
 * Password hashes: argon2id in the PHC string format, `$argon2id$v=19$m=…,t=…,p=…$salt$hash`. Few are computed at a
 * time, so that a flood of log-ins exhausts neither memory nor processors. Only some more wait: a request that would
 * wait for seconds is answered with 503 at once.
 */
import { argon2, randomBytes, timingSafeEqual } from 'node:crypto'
import { promisify } from 'node:util'
import { newOverloaded } from '../../http/fault.ts'

const hash = promisify(argon2)

interface Cost {
  memory: number
  passes: number
  parallelism: number
}

/** OWASP's minimum for argon2id: 19 MiB and two passes. */
const cost: Cost = { memory: 19_456, passes: 2, parallelism: 1 }
/** An operator may have written a hash by hand. No such hash may exhaust the memory. */
const limits: Cost = { memory: 262_144, passes: 16, parallelism: 16 }
const TAG_LENGTH = 32
const MAX_AT_ONCE = 2
/** The last of them waits for two to three seconds. */
const MAX_WAITING = 100
/** In characters. */
const MAX_PASSWORD_LENGTH = 1024

const FORMAT = /^\$argon2id\$v=19\$m=(\d+),t=(\d+),p=(\d+)\$([A-Za-z0-9+/]+)\$([A-Za-z0-9+/]+)$/

export async function hashPassword(password: string): Promise<string> {
  const nonce = randomBytes(16)
  const tag = await computeHash(password, nonce, TAG_LENGTH, cost)
  return `$argon2id$v=19$m=${cost.memory},t=${cost.passes},p=${cost.parallelism}$${encode(nonce)}$${encode(tag)}`
}

/** Whether the text is a hash that {@link verifyPassword} can check. */
export const isPasswordHash = (text: string): boolean => parseHash(text) !== undefined

/**
 * Whether the password fits the hash. Without a hash (an unknown user), returns false after the same time, so that the
 * time of the answer does not tell which users exist.
 */
export async function verifyPassword(password: string, phc: string | undefined): Promise<boolean> {
  const parsed = parseHash(phc ?? '')
  if (password.length > MAX_PASSWORD_LENGTH) return false
  const { salt, tag, ...parameters } = parsed ?? { salt: randomBytes(16), tag: randomBytes(TAG_LENGTH), ...cost }
  const computed = await computeHash(password, salt, tag.length, parameters)
  return timingSafeEqual(computed, tag) && parsed !== undefined
}

function parseHash(phc: string): (Cost & { salt: Buffer; tag: Buffer }) | undefined {
  const [, m, t, p, salt = '', tag = ''] = FORMAT.exec(phc) ?? []
  const parsed = { memory: Number(m), passes: Number(t), parallelism: Number(p) }
  const isBounded = (['memory', 'passes', 'parallelism'] as const).every(
    (key) => parsed[key] >= 1 && parsed[key] <= limits[key],
  )
  const bytes = { salt: Buffer.from(salt, 'base64'), tag: Buffer.from(tag, 'base64') }
  // RFC 9106 requires a salt of at least 8 bytes, and 8 KiB of memory for each lane.
  if (!isBounded || bytes.salt.length < 8 || bytes.tag.length < 16 || parsed.memory < 8 * parsed.parallelism)
    return undefined
  return { ...parsed, ...bytes }
}

const encode = (bytes: Buffer): string => bytes.toString('base64').replace(/=+$/, '')

const waiting: (() => void)[] = []
const load = { running: 0 }

async function computeHash(message: string, nonce: Buffer, tagLength: number, parameters: Cost): Promise<Buffer> {
  await takeSlot()
  try {
    return await hash('argon2id', { message, nonce, tagLength, ...parameters })
  } finally {
    passSlotOn()
  }
}

/** Throws a 503 if too many hashes wait. */
async function takeSlot(): Promise<void> {
  if (load.running < MAX_AT_ONCE) {
    load.running += 1
    return
  }
  if (waiting.length >= MAX_WAITING)
    throw newOverloaded('Too many passwords are being checked: try again in a few seconds.', 3)
  await new Promise<void>((resolve) => waiting.push(resolve))
}

function passSlotOn(): void {
  const next = waiting.shift()
  if (next) next()
  else load.running -= 1
}
