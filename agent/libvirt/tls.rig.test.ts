import { execFileSync } from 'node:child_process'
import { appendFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, expect, it } from 'vitest'
import { withHost } from '../../test/rig/vitest.ts'

const host = withHost()
let pki: string

beforeAll(async () => {
  pki = join(host().home, 'pki')
  mkdirSync(pki)
  for (const [name, authority] of [['ca'], ['server', 'ca'], ['client', 'ca'], ['rogue']] as const)
    createCertificate(name, authority)
  const configuration = join(host().home, 'etc/libvirt/libvirtd.conf')
  writeFileSync(configuration, readFileSync(configuration, 'utf8').replace('listen_tls = 0', 'listen_tls = 1'))
  const files = `ca_file = "${pki}/ca.pem"\ncert_file = "${pki}/server.pem"\nkey_file = "${pki}/server.key"\n`
  appendFileSync(configuration, `auth_tls = "none"\n${files}`)
  await host().killLibvirtd()
  await host().startLibvirtd()
})

function createCertificate(name: string, authority?: string): void {
  // libvirtd does not start if its certificate is allowed to sign other certificates.
  const constraints = `basicConstraints=critical,CA:${authority ? 'FALSE' : 'TRUE'}`
  const signer = authority ? ['-CA', `${pki}/${authority}.pem`, '-CAkey', `${pki}/${authority}.key`] : []
  const files = ['-keyout', `${pki}/${name}.key`, '-out', `${pki}/${name}.pem`]
  const subject = [
    '-subj',
    `/CN=${name}`,
    '-addext',
    'subjectAltName=DNS:localhost,IP:127.0.0.1',
    '-addext',
    constraints,
  ]
  execFileSync(
    'openssl',
    ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '2', ...files, ...subject, ...signer],
    {
      stdio: 'ignore',
    },
  )
}

/** Returns the URI that the daemon reports, or the error's code. */
async function connectFromHost(uri: string, certificate: string | undefined, authority: string): Promise<string> {
  const program = join(host().home, 'connect.ts')
  const file = (name: string) => `readFileSync('${join(pki, name)}')`
  const own = certificate ? `, cert: ${file(`${certificate}.pem`)}, key: ${file(`${certificate}.key`)}` : ''
  writeFileSync(
    program,
    `import { readFileSync } from 'node:fs'
    import { openConnection, proc } from '${join(import.meta.dirname, 'index.ts')}'
    try {
      const tls = { ca: ${file(`${authority}.pem`)}${own} }
      await using connection = await openConnection({ uri: '${uri}', tls })
      console.log((await connection.call(proc.connectGetUri, {})).uri)
    } catch (error) {
      console.log(error.code)
    }`,
  )
  return (await host().exec([process.execPath, program])).trim()
}

it.each<[string, string, string | undefined, string, string]>([
  ['opens over TCP', 'qemu+tcp://127.0.0.1/system', undefined, 'ca', 'qemu:///system'],
  ['opens over TLS by name', 'qemu+tls://localhost/system', 'client', 'ca', 'qemu:///system'],
  ['opens over TLS by address', 'qemu+tls://127.0.0.1/system', 'client', 'ca', 'qemu:///system'],
  ['fails over TLS without a client certificate', 'qemu+tls://127.0.0.1/system', undefined, 'ca', 'auth'],
  ['fails over TLS with a certificate of an unknown authority', 'qemu+tls://127.0.0.1/system', 'rogue', 'ca', 'auth'],
  [
    'fails over TLS when the client does not know the daemon’s authority',
    'qemu+tls://127.0.0.1/system',
    'client',
    'rogue',
    'unreachable',
  ],
])('a connection %s', async (_what, uri, certificate, authority, outcome) => {
  expect(await connectFromHost(uri, certificate, authority)).toBe(outcome)
})
