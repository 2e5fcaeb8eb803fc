/**
 * Makes certificates with which a user logs in to Windows without a password, as Nova does for key pairs of the type
 * x509. DER is that of RFC 5280, and ITU-T X.690.
 */
import { generateKeyPair, type KeyObject, randomBytes, sign } from 'node:crypto'
import { promisify } from 'node:util'
import type { GeneratedKey } from './generate.ts'

const BITS = 2048
const DAYS = 3650
const DAY_MS = 86_400_000
const generate = promisify(generateKeyPair)

const tag = {
  integer: 0x02,
  bitString: 0x03,
  octetString: 0x04,
  objectId: 0x06,
  utf8String: 0x0c,
  sequence: 0x30,
  set: 0x31,
  utcTime: 0x17,
  generalizedTime: 0x18,
} as const

const objectId = {
  commonName: '550403',
  sha256WithRsa: '2a864886f70d01010b',
  extendedKeyUsage: '551d25',
  subjectAltName: '551d11',
  clientAuth: '2b06010505070302',
  /** Microsoft's user principal name. */
  userPrincipalName: '2b060104018237140203',
} as const

/** The identifier octet and the length come before the content. */
function der(type: number, ...contents: Buffer[]): Buffer {
  const content = Buffer.concat(contents)
  const { length } = content
  if (length < 0x80) return Buffer.concat([Buffer.of(type, length), content])
  const digits = Buffer.from(length.toString(16).padStart(length > 0xff ? 4 : 2, '0'), 'hex')
  return Buffer.concat([Buffer.of(type, 0x80 | digits.length), digits, content])
}

const sequence = (...contents: Buffer[]): Buffer => der(tag.sequence, ...contents)
const idOf = (name: keyof typeof objectId): Buffer => der(tag.objectId, Buffer.from(objectId[name], 'hex'))
const utf8 = (text: string): Buffer => der(tag.utf8String, Buffer.from(text))
/** @param number the tag of a field in context, which is constructed */
const context = (number: number, ...contents: Buffer[]): Buffer => der(0xa0 | number, ...contents)

/** Until 2049 with two digits of the year. */
function time(date: Date): Buffer {
  const digits = `${date.toISOString().replaceAll(/[-:T]|\..*/g, '')}Z`
  return date.getUTCFullYear() < 2050
    ? der(tag.utcTime, Buffer.from(digits.slice(2)))
    : der(tag.generalizedTime, Buffer.from(digits))
}

const signatureAlgorithm = sequence(idOf('sha256WithRsa'), Buffer.of(0x05, 0x00))

const extension = (name: keyof typeof objectId, value: Buffer): Buffer =>
  sequence(idOf(name), der(tag.octetString, value))

/** The highest bit of the first byte is 0 and another is 1, so that the number is positive and has no leading zeros. */
function serialNumber(): Buffer {
  const bytes = randomBytes(16)
  bytes[0] = ((bytes[0] ?? 0) & 0x3f) | 0x40
  return der(tag.integer, bytes)
}

function bodyOf(user: string, publicKey: KeyObject, now: Date): Buffer {
  const name = sequence(der(tag.set, sequence(idOf('commonName'), utf8(user))))
  const principal = context(0, idOf('userPrincipalName'), context(0, utf8(`${user}@localhost`)))
  return sequence(
    context(0, der(tag.integer, Buffer.of(2))),
    serialNumber(),
    signatureAlgorithm,
    name,
    sequence(time(now), time(new Date(now.getTime() + DAYS * DAY_MS))),
    name,
    publicKey.export({ type: 'spki', format: 'der' }),
    context(
      3,
      sequence(
        extension('extendedKeyUsage', sequence(idOf('clientAuth'))),
        extension('subjectAltName', sequence(principal)),
      ),
    ),
  )
}

/**
 * The private key is in PEM (PKCS #8), the certificate takes the place of the public key.
 * @param user the ID of the user, which is the name in the certificate
 */
export async function generateCertificate(user: string, now: Date): Promise<GeneratedKey> {
  const { privateKey, publicKey } = await generate('rsa', { modulusLength: BITS })
  const body = bodyOf(user, publicKey, now)
  const signature = Buffer.concat([Buffer.of(0), sign('sha256', body, privateKey)])
  const certificate = sequence(body, signatureAlgorithm, der(tag.bitString, signature))
  return {
    privateKey: String(privateKey.export({ type: 'pkcs8', format: 'pem' })),
    publicKey: toPem('CERTIFICATE', certificate),
  }
}

const toPem = (label: string, bytes: Buffer): string =>
  [
    `-----BEGIN ${label}-----`,
    ...(bytes.toString('base64').match(/.{1,64}/g) ?? []),
    `-----END ${label}-----`,
    '',
  ].join('\n')
