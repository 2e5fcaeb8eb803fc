/** Translates TLS errors that no retry can cure to messages that tell the user what to do. Pure functions. */
import { Terminal } from '../../crds/index.ts'
import { errorCodeOf } from '../files/errors.ts'

/** The codes of OpenSSL and Node for a chain of certificates that ends at no trusted authority. */
const unknownAuthority = new Set([
  'CERT_UNTRUSTED',
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'INVALID_CA',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'UNABLE_TO_GET_ISSUER_CERT',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
])

const otherFaults = new Set([
  'CERT_CHAIN_TOO_LONG',
  'CERT_REJECTED',
  'CERT_REVOKED',
  'CERT_SIGNATURE_FAILURE',
  'INVALID_PURPOSE',
  'PATH_LENGTH_EXCEEDED',
])

/** Matches OpenSSL's reasons for an answer that is no TLS at all. Node reports them with the code EPROTO. */
const NO_TLS = /wrong version number|packet length too long|http request/

/**
 * Returns a Terminal error (not retried) if the host's certificate is not trusted or the host does not speak TLS;
 * returns any other error unchanged.
 */
export function toCertificateError(error: unknown, { origin, hostname }: URL): unknown {
  const code = errorCodeOf(error) ?? ''
  const isNoTls = error instanceof Error && code === 'EPROTO' && NO_TLS.test(error.message)
  const complaint = isNoTls
    ? `${origin} does not speak TLS: use the port of its https, or http:// and a checksum`
    : complaintOf(code, origin, hostname)
  return complaint === undefined ? error : new Terminal('ImageSourceUntrusted', complaint, { cause: error })
}

function complaintOf(code: string, origin: string, hostname: string): string | undefined {
  if (unknownAuthority.has(code))
    return `no authority that the agent trusts has signed the certificate of ${origin} (${code}): an operator can give the authority's certificate to the agents (--image-ca-file), or the server must send its whole chain`
  if (code === 'CERT_HAS_EXPIRED' || code === 'CERT_NOT_YET_VALID')
    return `the certificate of ${origin} is not valid at this time (${code}): renew it, or correct the clock of the host`
  if (code === 'ERR_TLS_CERT_ALTNAME_INVALID' || code === 'HOSTNAME_MISMATCH')
    return `the certificate of ${origin} is not for ${hostname}: use a name of the certificate in the URL, or have the certificate made for this one`
  if (otherFaults.has(code)) return `the certificate of ${origin} is not accepted (${code}): have it made anew`
  return undefined
}
