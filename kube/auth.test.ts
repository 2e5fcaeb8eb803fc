import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { loadAuth, loadInClusterAuth, withoutOurs } from './auth.ts'
import { FakeClock } from './testing/fake-clock.ts'

let dir: string
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'auth-'))
  await writeFile(join(dir, 'token'), 'one\n')
  await writeFile(join(dir, 'ca.crt'), 'CA')
})
afterEach(() => rm(dir, { recursive: true }))

describe('inCluster', () => {
  it('reads the token again when it is old, or was refused', async () => {
    const clock = new FakeClock()
    await writeFile(join(dir, 'namespace'), 'here\n')
    const auth = await loadInClusterAuth('fd00::1', '443', dir, clock)
    expect(auth).toMatchObject({ server: 'https://[fd00::1]:443', namespace: 'here' })
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

  it('goes on with the old token while there is no new one', async () => {
    const clock = new FakeClock()
    const auth = await loadInClusterAuth('api', '443', dir, clock)
    await auth.credentials()
    await rm(join(dir, 'token'))
    await clock.advance(31_000)
    expect((await auth.credentials()).headers['authorization']).toBe('Bearer one')
    await expect((await loadInClusterAuth('api', '443', dir, clock)).credentials()).rejects.toThrow('ENOENT')
  })
})

const config = (user: object) =>
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
    'current-context': 'x',
  })

// Loading client-node takes a second, and many on a busy machine.
describe('loadAuth', { timeout: 60_000 }, () => {
  it('takes server, CA, certificate and namespace from a kubeconfig', async () => {
    const file = join(dir, 'config')
    const data = (text: string) => Buffer.from(text).toString('base64')
    await writeFile(file, config({ 'client-certificate-data': data('CERT'), 'client-key-data': data('KEY') }))
    const auth = await loadAuth({ kubeconfig: file })
    expect(auth).toMatchObject({ server: 'https://api:6443', namespace: 'there' })
    const { tls } = await auth.credentials()
    expect(Object.fromEntries(Object.entries(tls).map(([k, v]) => [k, String(v)]))).toEqual({
      ca: 'CA',
      cert: 'CERT',
      key: 'KEY',
    })
    expect(await withoutOurs(auth).credentials()).toEqual({ headers: {}, tls: { ca: tls.ca } })
    await expect(loadAuth({ kubeconfig: file, context: 'lost' })).rejects.toThrow('names no cluster')
  })

  it('runs an exec plugin, and again after its token was refused', async () => {
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
