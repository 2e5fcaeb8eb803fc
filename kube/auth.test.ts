import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { loadAuth, loadInClusterAuth } from './auth.ts'
import { FakeClock } from './testing/fake-clock.ts'

let dir: string
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'auth-'))
  await writeFile(join(dir, 'token'), 'one\n')
  await writeFile(join(dir, 'ca.crt'), 'CA')
})
afterEach(() => rm(dir, { recursive: true }))

describe('loadInClusterAuth', () => {
  it('reads the token again when 30 s have passed or after invalidate()', async () => {
    const clock = new FakeClock()
    const auth = loadInClusterAuth('fd00::1', '443', dir, clock)
    expect(auth).toMatchObject({ server: 'https://[fd00::1]:443' })
    const token = async (): Promise<string | undefined> => (await auth.credentials()).headers['authorization']
    expect(await token()).toBe('Bearer one')
    await writeFile(join(dir, 'token'), 'two')
    expect(await token()).toBe('Bearer one')
    auth.invalidate()
    expect(await token()).toBe('Bearer two')
    await writeFile(join(dir, 'token'), 'three')
    await clock.advance(31_000)
    expect(await token()).toBe('Bearer three')
  })

  it('keeps using the last token when its file cannot be read', async () => {
    const clock = new FakeClock()
    const auth = loadInClusterAuth('api', '443', dir, clock)
    await auth.credentials()
    await rm(join(dir, 'token'))
    await clock.advance(31_000)
    expect((await auth.credentials()).headers['authorization']).toBe('Bearer one')
    await expect(loadInClusterAuth('api', '443', dir, clock).credentials()).rejects.toThrow('ENOENT')
  })
})

const config = (user: object, currentContext = 'x') =>
  JSON.stringify({
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [
      {
        name: 'c',
        cluster: { server: 'https://api:6443', 'certificate-authority-data': Buffer.from('CA').toString('base64') },
      },
    ],
    users: [{ name: 'u', user }],
    contexts: [
      { name: 'x', context: { cluster: 'c', user: 'u', namespace: 'there' } },
      { name: 'lost', context: { cluster: 'gone', user: 'u' } },
    ],
    'current-context': currentContext,
  })

// Loading @kubernetes/client-node takes a second, and much longer on a busy machine.
describe('loadAuth', { timeout: 60_000 }, () => {
  it('takes server, CA and certificate from a kubeconfig', async () => {
    const file = join(dir, 'config')
    const data = (text: string) => Buffer.from(text).toString('base64')
    await writeFile(file, config({ 'client-certificate-data': data('CERT'), 'client-key-data': data('KEY') }))
    const auth = await loadAuth({ kubeconfig: file })
    expect(auth).toMatchObject({ server: 'https://api:6443' })
    const { tls } = await auth.credentials()
    expect(Object.fromEntries(Object.entries(tls).map(([k, v]) => [k, String(v)]))).toEqual({
      ca: 'CA',
      cert: 'CERT',
      key: 'KEY',
    })
  })

  it('rejects when the current context names a cluster that the kubeconfig does not have', async () => {
    const file = join(dir, 'config')
    await writeFile(file, config({}, 'lost'))
    await expect(loadAuth({ kubeconfig: file })).rejects.toThrow('names no cluster')
  })

  it('runs an exec plugin once, and again after invalidate()', async () => {
    const file = join(dir, 'config')
    const plugin = join(dir, 'plugin')
    await writeFile(
      plugin,
      `#!/bin/sh
      n=$(cat ${dir}/n 2>/dev/null || echo 0); n=$((n+1)); echo $n > ${dir}/n
      echo '{"kind":"ExecCredential","apiVersion":"client.authentication.k8s.io/v1","status":{"token":"t'$n'"}}'`,
    )
    await chmod(plugin, 0o755)
    await writeFile(
      file,
      config({ exec: { apiVersion: 'client.authentication.k8s.io/v1', command: plugin, interactiveMode: 'Never' } }),
    )
    const auth = await loadAuth({ kubeconfig: file })
    const token = async (): Promise<string | undefined> => (await auth.credentials()).headers['authorization']
    expect([await token(), await token()]).toEqual(['Bearer t1', 'Bearer t1'])
    auth.invalidate()
    expect(await token()).toBe('Bearer t2')
  })
})
