import { expect, test } from 'vitest'
import { fingerprintOf } from './keypair-fingerprint.ts'

// The keys come from ssh-keygen, the fingerprints from `ssh-keygen -E md5 -l`.
const rsa =
  'ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAABAQDCq5EzpceovP3tOW9BZoStwxzfpaafTeHOeVLkZYt2dzOfvB3mBZX2meBQKNsuGLwK1etbDfuJxA0lLR7eSoLJesVZSH/77kMcpk9FOgIYP3Yhq4BQs8QVBTYclPFR15yd7WCBCjxFkQ6NKFy2JgVrBhG4NRd20pmi516qECfkIcdeSCWb0HfSkNO//O+KLrQB3oKj4bjjNQXChvpKm26KH20US1X9oaTpIzY24LcbXdT8NQgt9JWQrkFxqQYEVxhjgD+YkU5hHfmn745X4YM57aJfsCfRjDspsveG87EGl+2AzcX9DlifKgC+GtoFG2e2pmAsUxqn1KtgMajrYf4F'
const ed25519 = 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHpRQlpyGLTVtxoTJf0hOshm2ucTlIKQebdrlqhCFxX1'
const ecdsa =
  'ecdsa-sha2-nistp256 AAAAE2VjZHNhLXNoYTItbmlzdHAyNTYAAAAIbmlzdHAyNTYAAABBBF4WIv2U4e+VOGEeWyvzYA/qXp9jry8bt8qAEec+fuOenzMn/4Jcob7QFqT6p3HHcmDS1QpYGA8+TIRzvQEIDeM='

test.each([
  [rsa, '9f:85:8d:aa:7d:62:50:6d:9c:e3:bf:f3:de:8d:0c:84'],
  [`${ed25519} user@host`, 'f0:bf:3a:5d:12:2c:bf:68:6f:f4:19:63:a0:e8:a1:25'],
  [`${ecdsa} a comment of words\n`, '82:db:eb:49:11:49:e7:20:e2:60:0d:7d:ef:15:a6:08'],
])('fingerprintOf an SSH key is its MD5: %s', (publicKey, md5) => {
  expect(fingerprintOf({ type: 'ssh', publicKey })).toBe(md5)
})

// The certificate comes from `openssl req -x509`, its fingerprint from `openssl x509 -fingerprint -sha1`.
const certificate = `-----BEGIN CERTIFICATE-----
MIIBdTCCARugAwIBAgIUHSnTI0MRZOzp9uUVotYfNL+fnKswCgYIKoZIzj0EAwIw
DzENMAsGA1UEAwwEdGVzdDAgFw0yNjExMjEwMjE2MDBaGA8yMTI2MTAyODAyMTYw
MFowDzENMAsGA1UEAwwEdGVzdDBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IABNFR
NbLQH7XxoJw3YycG9iLZ3Nzht/GyuaHzGtja8zS+FrP/Bnuw58H2OWbZN9HRp4DY
q+bQHhSq5GwpvenG8pSjUzBRMB0GA1UdDgQWBBT/LdkpRVGkBUvjMLlcqOhMpuY7
YjAfBgNVHSMEGDAWgBT/LdkpRVGkBUvjMLlcqOhMpuY7YjAPBgNVHRMBAf8EBTAD
AQH/MAoGCCqGSM49BAMCA0gAMEUCIHKxrUb63LP1TM9hGv/CS9HFqcy4LP3nZeLF
vozI4khFAiEAq6vnKLug7wcXwbl+AgXv8brVZLRexCWkc6RPsMmVw38=
-----END CERTIFICATE-----`

test('fingerprintOf a certificate is its SHA-1', () => {
  expect(fingerprintOf({ type: 'x509', publicKey: certificate })).toBe(
    '7b:cb:31:47:05:b1:f4:4d:c3:8a:e2:38:20:f8:2f:8e:66:1c:ab:54',
  )
})

test.each([
  ['ssh', 'ssh-ed25519'],
  ['ssh', ed25519.replace('ssh-ed25519', 'ssh-rsa')],
  ['ssh', 'ssh-ed25519 AAAA'],
  ['ssh', `${ed25519.slice(0, 40)}*${ed25519.slice(40)}`],
  ['ssh', ed25519.slice(0, 36)],
  ['ssh', ed25519.slice(0, -4)],
  ['ssh', 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5'],
  ['x509', '-----BEGIN CERTIFICATE-----\nnone\n-----END CERTIFICATE-----'],
] as const)('fingerprintOf throws InvalidKeyPair for %s %j', (type, publicKey) => {
  expect(() => fingerprintOf({ type, publicKey })).toThrow(expect.objectContaining({ code: 'InvalidKeyPair' }))
})
