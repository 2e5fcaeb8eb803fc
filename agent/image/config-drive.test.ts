import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import type { Guest } from '../../actions/host/index.ts'
import { writeConfigDrive } from './config-drive.ts'

vi.setConfig({ testTimeout: 60_000 })

let dir: string
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'config-'))
})
afterEach(() => rmSync(dir, { recursive: true, force: true }))

const makeOptions = () => ({ directory: join(dir, 'server'), signal: new AbortController().signal })
const makeGuest = (displayName: string): Guest => ({
  server: {
    apiVersion: 'compute.kubenova.io/v1alpha1',
    kind: 'Server',
    metadata: { name: 'web-1', namespace: 'blue' },
    spec: {
      flavor: 'm1',
      configDrive: true,
      networks: [],
      powerState: 'Running',
      locked: false,
      displayName,
      userData: '#cloud-config\n',
    },
  },
  instance: {
    uuid: '0f6a0c3e-5b0e-4a55-9d0b-3f8f1f6f2a11',
    availabilityZone: 'az1',
    flavor: { name: 'm1', vcpus: 1, ram: 512, disk: 1, ephemeral: 0, swap: 0 },
    image: { name: 'i', namespace: 'images', uid: '1c2d3e4f', url: 'https://x/y', format: 'qcow2' },
    interfaces: [],
    keys: [],
  },
})

function readFromIso(iso: string, path: string): string {
  const target = join(dir, 'out')
  rmSync(target, { force: true })
  execFileSync('xorriso', ['-osirrox', 'on', '-indev', iso, '-extract', path, target], { stdio: 'pipe' })
  return readFileSync(target, 'utf8')
}

test('writeConfigDrive writes an ISO image with label config-2 and the metadata files', async () => {
  const path = await writeConfigDrive(makeGuest('one'), makeOptions())
  expect(path).toBe(join(dir, 'server/disk.config'))
  expect(execFileSync('blkid', ['-p', '-o', 'export', path], { encoding: 'utf8' })).toMatch(
    /LABEL=config-2[^]*TYPE=iso9660/,
  )
  expect(readFromIso(path, '/openstack/latest/user_data')).toBe('#cloud-config\n')
  expect(JSON.parse(readFromIso(path, '/openstack/2018-08-27/meta_data.json'))).toMatchObject({
    name: 'one',
    project_id: 'blue',
  })
  expect(readFileSync(path).includes(Buffer.from('meta_data.json', 'utf16le').swap16())).toBe(true)
  expect(readdirSync(join(dir, 'server')).sort()).toEqual(['disk.config', 'disk.config.json'])
  expect(statSync(join(dir, 'server/disk.config.json')).mode & 0o777).toBe(0o600)
})

test('writeConfigDrive writes anew only when the server has changed, and keeps the seed', async () => {
  const path = await writeConfigDrive(makeGuest('one'), makeOptions())
  const first = statSync(path)
  const { random_seed: seed } = JSON.parse(readFromIso(path, '/openstack/latest/meta_data.json')) as {
    random_seed: string
  }
  expect(Buffer.from(seed, 'base64')).toHaveLength(512)
  await writeConfigDrive(makeGuest('one'), makeOptions())
  expect(statSync(path).ino).toBe(first.ino)
  await writeConfigDrive(makeGuest('two'), makeOptions())
  expect(JSON.parse(readFromIso(path, '/openstack/latest/meta_data.json'))).toMatchObject({
    name: 'two',
    random_seed: seed,
  })
  rmSync(path)
  await writeConfigDrive(makeGuest('two'), makeOptions())
  expect(JSON.parse(readFromIso(path, '/openstack/latest/meta_data.json'))).toMatchObject({
    name: 'two',
    random_seed: seed,
  })
})

test('writeConfigDrive removes temporary files that a crash left', async () => {
  mkdirSync(join(dir, 'server/disk.config.tmp-0123456789ab.d.tmp-0123456789ab'), { recursive: true })
  writeFileSync(join(dir, 'server/disk.config.tmp-0123456789ab'), 'half')
  await writeConfigDrive(makeGuest('one'), makeOptions())
  expect(readdirSync(join(dir, 'server')).sort()).toEqual(['disk.config', 'disk.config.json'])
})

test('writeConfigDrive leaves only the seed when aborted', async () => {
  const reason = new Error('enough')
  await expect(
    writeConfigDrive(makeGuest('one'), { ...makeOptions(), signal: AbortSignal.abort(reason) }),
  ).rejects.toBe(reason)
  expect(readdirSync(join(dir, 'server'))).toEqual(['disk.config.json'])
})
