// TLS and TCP with a real libvirtd: certificates of both sides are held against one authority, from inside of the host.
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
    certify(name, authority)
  const configuration = join(host().home, 'etc/libvirt/libvirtd.conf')
  writeFileSync(configuration, readFileSync(configuration, 'utf8').replace('listen_tls = 0', 'listen_tls = 1'))
  const files = `ca_file = "${pki}/ca.pem"\ncert_file = "${pki}/server.pem"\nkey_file = "${pki}/server.key"\n`
  appendFileSync(configuration, `auth_tls = "none"\n${files}`)
  await host().killLibvirtd()
  await host().startLibvirtd()
})

/** A key and a certificate for it; without an authority it signs itself. */
function certify(name: string, authority?: string): void {
  // libvirtd refuses to start with a certificate that might sign others.
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

/** Connects from inside of the host's network and gives the daemon's URI, or the error's code. */
async function tryFromInside(uri: string, certificate: string | undefined, authority: string): Promise<string> {
  const program = join(host().home, 'connect.ts')
  const file = (name: string) => `readFileSync('${join(pki, name)}')`
  const own = certificate ? `, cert: ${file(`${certificate}.pem`)}, key: ${file(`${certificate}.key`)}` : ''
  writeFileSync(
    program,
    `import { readFileSync } from 'node:fs'
    import { connect, proc } from '${join(import.meta.dirname, 'index.ts')}'
    try {
      const tls = { ca: ${file(`${authority}.pem`)}${own} }
      await using connection = await connect({ uri: '${uri}', tls })
      console.log((await connection.call(proc.connectGetUri, {})).uri)
    } catch (error) {
      console.log(error.code)
    }`,
  )
  return (await host().exec([process.execPath, program])).trim()
}

it.each<[string, string, string | undefined, string, string]>([
  ['TCP', 'qemu+tcp://127.0.0.1/system', undefined, 'ca', 'qemu:///system'],
  ['TLS by name', 'qemu+tls://localhost/system', 'client', 'ca', 'qemu:///system'],
  ['TLS by address', 'qemu+tls://127.0.0.1/system', 'client', 'ca', 'qemu:///system'],
  ['TLS without a certificate of ours', 'qemu+tls://127.0.0.1/system', undefined, 'ca', 'auth'],
  ['TLS with a certificate of nobody', 'qemu+tls://127.0.0.1/system', 'rogue', 'ca', 'auth'],
  ['TLS to a daemon that we do not trust', 'qemu+tls://127.0.0.1/system', 'client', 'rogue', 'unreachable'],
])('%s', async (_what, uri, certificate, authority, outcome) => {
  expect(await tryFromInside(uri, certificate, authority)).toBe(outcome)
})
