/** Translates TLS errors that no retry can cure to messages that tell the user what to do. */
import { Terminal } from '../../crds/index.ts'
import { errorCodeOf } from '../files/errors.ts'

/** Codes of OpenSSL and Node for a chain of certificates that ends at no trusted authority. */
const unknownAuthority = new Set([
  'CERT_UNTRUSTED',
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'INVALID_CA',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'UNABLE_TO_GET_ISSUER_CERT',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
])

const wrongTime = new Set(['CERT_HAS_EXPIRED', 'CERT_NOT_YET_VALID'])

const wrongName = new Set(['ERR_TLS_CERT_ALTNAME_INVALID', 'HOSTNAME_MISMATCH'])

/** Node reports UNSPECIFIED for all faults of a certificate that it has no code for. */
const otherFaults = new Set([
  'CERT_CHAIN_TOO_LONG',
  'CERT_REJECTED',
  'CERT_REVOKED',
  'CERT_SIGNATURE_FAILURE',
  'ERROR_IN_CERT_NOT_AFTER_FIELD',
  'ERROR_IN_CERT_NOT_BEFORE_FIELD',
  'INVALID_PURPOSE',
  'PATH_LENGTH_EXCEEDED',
  'UNABLE_TO_DECODE_ISSUER_PUBLIC_KEY',
  'UNABLE_TO_DECRYPT_CERT_SIGNATURE',
  'UNSPECIFIED',
])

/** OpenSSL's reasons for an answer that is no TLS at all. */
const NO_TLS = /wrong version number|packet length too long|http request/

/** Alerts of a server that wants a certificate from its client. */
const CLIENT_CERTIFICATE = /alert (certificate required|bad certificate|no certificate)/

/**
 * OpenSSL's reasons for a handshake that fails each time. Does not match the alerts "internal error" and "bad record
 * mac", from which a server may recover.
 */
const LASTING =
  /alert (?!internal error|bad record mac)|unsupported protocol|no protocols available|no shared cipher|no ciphers available|key too small|md too weak|unsafe legacy renegotiation|certificate verify failed/

/**
 * Returns a Terminal error (not retried) if the server's certificate is not trusted, or if TLS with the server fails
 * each time; returns any other error unchanged.
 */
export function toCertificateError(error: unknown, { origin, hostname }: URL): unknown {
  const complaint =
    complainAboutCertificate(errorCodeOf(error) ?? '', origin, hostname) ?? complainAboutTls(error, origin)
  return complaint === undefined ? error : new Terminal('ImageSourceUntrusted', complaint, { cause: error })
}

function complainAboutCertificate(code: string, origin: string, hostname: string): string | undefined {
  if (unknownAuthority.has(code))
    return `no authority that the agent trusts has signed the certificate of ${origin} (${code}): an operator can give the authority's certificate to the agents (--image-ca-file), or the server must send its whole chain`
  if (wrongTime.has(code))
    return `the certificate of ${origin} is not valid at this time (${code}): renew it, or correct the clock of the host`
  if (wrongName.has(code))
    return `the certificate of ${origin} is not for ${hostname}: use a name of the certificate in the URL, or have the certificate made for this one`
  if (otherFaults.has(code)) return `the certificate of ${origin} is not accepted (${code}): have it made anew`
  return undefined
}

function complainAboutTls(error: unknown, origin: string): string | undefined {
  const reason = opensslReasonOf(error)
  if (reason === undefined) return undefined
  if (NO_TLS.test(reason)) return `${origin} does not speak TLS: use the port of its https, or http:// and a checksum`
  if (CLIENT_CERTIFICATE.test(reason))
    return `${origin} asks for a client certificate, which agents do not have (${reason}): publish the image where none is needed`
  if (LASTING.test(reason))
    return `${origin} and this host agree on no TLS connection (${reason}): correct the TLS versions, ciphers and certificates of that server`
  return undefined
}

/**
 * Returns OpenSSL's text, for example "tlsv1 alert protocol version"; undefined for an error of another kind. Node
 * reports errors of OpenSSL with the code EPROTO or a code that begins with ERR_SSL_, and with OpenSSL's text as the
 * message.
 */
function opensslReasonOf(error: unknown): string | undefined {
  const code = errorCodeOf(error) ?? ''
  if (!(error instanceof Error) || !(code === 'EPROTO' || code.startsWith('ERR_SSL_'))) return undefined
  const [, reason] = /:SSL routines:[^:]*:([^:]+):/.exec(error.message) ?? []
  // ERR_SSL_NO_CIPHERS gives "no ciphers".
  return (
    reason ??
    code
      .replace(/^ERR_SSL_/, '')
      .replaceAll('_', ' ')
      .toLowerCase()
  )
}
