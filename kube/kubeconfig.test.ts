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

async function writeAndReadKubeconfig(user: object, cluster: object = {}, currentContext = 'x') {
  const config = {
    clusters: [{ name: 'c', cluster: { server: 'https://api:6443', ...cluster } }],
    users: [{ name: 'u', user }],
    contexts: [
      { name: 'x', context: { cluster: 'c', user: 'u' } },
      { name: 'lost', context: { cluster: 'gone', user: 'u' } },
    ],
    'current-context': currentContext,
  }
  await writeFile(file, stringify(config))
  return readPlainKubeconfig(file)
}

describe('readPlainKubeconfig', () => {
  it('reads a token', async () => {
    expect(await writeAndReadKubeconfig({ token: 'secret' }, { 'certificate-authority-data': data('CA') })).toEqual({
      server: 'https://api:6443',
      headers: { authorization: 'Bearer secret' },
      tls: { ca: 'CA' },
    })
  })

  it('reads certificates from the kubeconfig and from files beside it', async () => {
    await writeFile(join(dir, 'ca.pem'), 'CA')
    await writeFile(join(dir, 'key.pem'), 'KEY')
    const user = { 'client-certificate-data': data('CERT'), 'client-key': join(dir, 'key.pem') }
    const found = await writeAndReadKubeconfig(user, {
      'certificate-authority': 'ca.pem',
      'tls-server-name': 'api.local',
    })
    expect(found).toMatchObject({ headers: {}, tls: { ca: 'CA', cert: 'CERT', key: 'KEY', servername: 'api.local' } })
  })

  it('prefers tokenFile to token', async () => {
    await writeFile(join(dir, 'token'), 'newest\n')
    expect((await writeAndReadKubeconfig({ token: 'old', tokenFile: 'token' }))?.headers).toEqual({
      authorization: 'Bearer newest',
    })
  })

  it('skips verification of the server only with insecure-skip-tls-verify', async () => {
    expect(
      (await writeAndReadKubeconfig({ token: 't' }, { 'insecure-skip-tls-verify': true }))?.tls.rejectUnauthorized,
    ).toBe(false)
    expect((await writeAndReadKubeconfig({ token: 't' }))?.tls).toEqual({})
  })
})

describe('readPlainKubeconfig leaves to client-node', () => {
  it.each<[string, object, object]>([
    ['a user with an exec plugin', { exec: { command: 'x' } }, {}],
    ['a user with an auth provider', { token: 't', 'auth-provider': { name: 'oidc' } }, {}],
    ['a user with a password', { username: 'a', password: 'b' }, {}],
    ['a user who impersonates another', { token: 't', as: 'somebody' }, {}],
    ['a cluster behind a proxy', { token: 't' }, { 'proxy-url': 'http://proxy' }],
  ])('%s', async (_, user, cluster) => {
    expect(await writeAndReadKubeconfig(user, cluster)).toBeUndefined()
  })

  it('a context whose cluster is missing, and a file that does not exist', async () => {
    expect(await writeAndReadKubeconfig({ token: 't' }, {}, 'lost')).toBeUndefined()
    expect(await readPlainKubeconfig(join(dir, 'nowhere'))).toBeUndefined()
  })
})

describe('kubeconfigPath', () => {
  it('prefers the given path to KUBECONFIG, and is undefined for several files', () => {
    expect(kubeconfigPath(undefined, { KUBECONFIG: '/a:/b' })).toBeUndefined()
    expect(kubeconfigPath(undefined, { KUBECONFIG: '/a' })).toBe('/a')
    expect(kubeconfigPath('/c', { KUBECONFIG: '/a' })).toBe('/c')
    expect(kubeconfigPath(undefined, {})).toMatch(/\.kube\/config$/)
  })
})
