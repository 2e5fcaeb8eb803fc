import { execFileSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

export interface KeyAndCertificate {
  key: string
  cert: string
}

const openssl = (directory: string, ...args: string[]) =>
  execFileSync('openssl', args, { cwd: directory, stdio: 'pipe' })

const KEY = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes']

export function makeAuthority(directory: string, name = 'ca'): string {
  openssl(directory, 'req', '-x509', ...KEY, '-keyout', `${name}.key`, '-out', `${name}.pem`, '-subj', `/CN=${name}`)
  return join(directory, `${name}.pem`)
}

export function signCertificate(directory: string, subject = 'IP:127.0.0.1', authority = 'ca'): KeyAndCertificate {
  openssl(directory, 'req', ...KEY, '-keyout', 'server.key', '-out', 'server.csr', '-subj', '/CN=server')
  writeFileSync(join(directory, 'extensions'), `subjectAltName=${subject}\n`)
  const by = ['-CA', `${authority}.pem`, '-CAkey', `${authority}.key`, '-CAcreateserial']
  openssl(directory, 'x509', '-req', '-in', 'server.csr', ...by, '-out', 'server.pem', '-extfile', 'extensions')
  const read = (name: string) => readFileSync(join(directory, name), 'utf8')
  return { key: read('server.key'), cert: read('server.pem') }
}
