import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { expect, it } from 'vitest'
import { withControlPlane } from '../test/rig/vitest.ts'
import { waitUntil } from '../test/rig/wait-until.ts'
import { createDirectClient, createTestNamespace } from './testing/rig.ts'

const plane = withControlPlane()

it('the example in the README labels ConfigMaps, and exits with 0 at SIGTERM', async () => {
  const text = await readFile(`${import.meta.dirname}/README.md`, 'utf8')
  const source = /```ts\n([^]+?)```/.exec(text)?.[1] ?? ''
  await using kube = await createDirectClient(plane())
  const { namespace, maps } = await createTestNamespace(kube)
  await maps.create({ metadata: { namespace, name: 'before' }, data: { a: '', b: '' } })
  const env = { ...process.env, KUBECONFIG: plane().kubeconfig }
  const options = {
    cwd: import.meta.dirname,
    env,
    stdio: ['ignore', 'pipe', 'inherit'] as ['ignore', 'pipe', 'inherit'],
  }
  const child = spawn(process.execPath, ['--input-type=module-typescript', '-e', source], options)
  child.stdout.resume()
  const label = async (name: string) => (await maps.get({ namespace, name })).metadata.labels?.['example.com/keys']
  await waitUntil(async () => (await label('before')) === '2', { what: 'the label of the first ConfigMap' })
  await maps.create({ metadata: { namespace, name: 'after' }, data: { a: '' } })
  await waitUntil(async () => (await label('after')) === '1', { what: 'the label of the second ConfigMap' })
  await maps.patch({ namespace, name: 'after' }, { data: { b: '', c: '' } })
  await waitUntil(async () => (await label('after')) === '3', { what: 'the label after a change' })
  const parentKeys = async (name: string) =>
    (await maps.get({ namespace, name })).metadata.labels?.['example.com/parent-keys']
  await maps.create({ metadata: { namespace, name: 'child' }, data: { parent: 'before' } })
  await waitUntil(async () => (await parentKeys('child')) === '2', { what: 'the label of a child' })
  await maps.patch({ namespace, name: 'before' }, { data: { c: '' } })
  await waitUntil(async () => (await parentKeys('child')) === '3', {
    what: 'the label of a child whose parent changed',
  })
  child.kill('SIGTERM')
  expect(await once(child, 'exit')).toEqual([0, null])
})
