import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { stringify } from 'yaml'
import { kubeconfigPath, readPlainKubeconfig } from './kubeconfig.ts'

let dir: string
let file: string
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'kubeconfig-'))
  file = join(dir, 'config')
})
afterEach(() => rm(dir, { recursive: true }))

const data = (text: string): string => Buffer.from(text).toString('base64')

async function login(user: object, cluster: object = {}, context?: string) {
  const config = {
    clusters: [{ name: 'c', cluster: { server: 'https://api:6443', ...cluster } }],
    users: [{ name: 'u', user }],
    contexts: [
      { name: 'x', context: { cluster: 'c', user: 'u', namespace: 'there' } },
      { name: 'lost', context: { cluster: 'gone', user: 'u' } },
    ],
    'current-context': 'x',
  }
  await writeFile(file, stringify(config))
  return readPlainKubeconfig(file, context)
}

describe('a kubeconfig that needs only reading', () => {
  it('has a token', async () => {
    expect(await login({ token: 'secret' }, { 'certificate-authority-data': data('CA') })).toEqual({
      server: 'https://api:6443',
      namespace: 'there',
      headers: { authorization: 'Bearer secret' },
      tls: { ca: 'CA' },
    })
  })

  it('has certificates in it, or beside it', async () => {
    await writeFile(join(dir, 'ca.pem'), 'CA')
    await writeFile(join(dir, 'key.pem'), 'KEY')
    const user = { 'client-certificate-data': data('CERT'), 'client-key': join(dir, 'key.pem') }
    const found = await login(user, { 'certificate-authority': 'ca.pem', 'tls-server-name': 'api.local' })
    expect(found).toMatchObject({ headers: {}, tls: { ca: 'CA', cert: 'CERT', key: 'KEY', servername: 'api.local' } })
  })

  it('has a file of a token, which goes before a token', async () => {
    await writeFile(join(dir, 'token'), 'newest\n')
    expect((await login({ token: 'old', tokenFile: 'token' }))?.headers).toEqual({ authorization: 'Bearer newest' })
  })

  it('skips verification only when told so', async () => {
    expect((await login({ token: 't' }, { 'insecure-skip-tls-verify': true }))?.tls.rejectUnauthorized).toBe(false)
    expect((await login({ token: 't' }))?.tls).toEqual({})
  })
})

describe('what takes more is left to client-node', () => {
  it.each<[string, object, object]>([
    ['an exec plugin', { exec: { command: 'x' } }, {}],
    ['an auth provider', { token: 't', 'auth-provider': { name: 'oidc' } }, {}],
    ['a password', { username: 'a', password: 'b' }, {}],
    ['acting as another', { token: 't', as: 'somebody' }, {}],
    ['a proxy', { token: 't' }, { 'proxy-url': 'http://proxy' }],
  ])('%s', async (_, user, cluster) => {
    expect(await login(user, cluster)).toBeUndefined()
  })

  it('a context without its cluster, and a file that is not there', async () => {
    expect(await login({ token: 't' }, {}, 'lost')).toBeUndefined()
    expect(await readPlainKubeconfig(join(dir, 'nowhere'))).toBeUndefined()
  })

  it('several files', () => {
    expect(kubeconfigPath(undefined, { KUBECONFIG: '/a:/b' })).toBeUndefined()
    expect(kubeconfigPath(undefined, { KUBECONFIG: '/a' })).toBe('/a')
    expect(kubeconfigPath('/c', { KUBECONFIG: '/a' })).toBe('/c')
    expect(kubeconfigPath(undefined, {})).toMatch(/\.kube\/config$/)
  })
})
