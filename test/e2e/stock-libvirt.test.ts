// A host with libvirt as Debian sets it up: QEMU is a user of its own, whose disks are its while it runs, and virtlogd
// writes its console.

import { once } from 'node:events'
import { statSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import { beforeAll, expect, it } from 'vitest'
import { tail } from '../../agent/console/tail.ts'
import type { Image, Server } from '../../crds/index.ts'
import { runCommand } from '../rig/process.ts'
import { waitUntil } from '../rig/wait-until.ts'
import { withCloud } from './user.ts'

const user = withCloud({ stock: true })
const host = () => user().cloud.host('h1')
const shell = (script: string) => host().exec(['sh', '-c', script])

beforeAll(async () => {
  // As from a unit with a strict UMask.
  await user().cloud.kill('agent-h1')
  await shell('rm -r /var/lib/kubenova/cache')
  const before = process.umask(0o077)
  await user().cloud.startAgent('h1')
  process.umask(before)
  await user().cloud.waitUntilReady('agent-h1')
})

const turn = async (name: string, ...states: string[]) => {
  for (const powerState of states) {
    await user().patch('server', name, { spec: { powerState } })
    await user().waitForServer(
      name,
      powerState,
      ({ status }) => status?.reachedPowerState === powerState && !status.taskState,
    )
  }
}
const qemuUser = async ({ status }: Server) => {
  const qemu = host().qemuOf(status?.domain?.name ?? '')
  return (await runCommand(['ps', '-o', 'user:32=', '-p', `${qemu?.pid}`])).trim()
}
/** Of a server's files: mode, owner, name; but those that say nothing of the guest. */
const files = async ({ metadata }: Server) => {
  const listed = await shell(`cd /var/lib/kubenova/instances/${metadata.uid} && find -type f -printf '%m %u %P\\n'`)
  return listed
    .trimEnd()
    .split('\n')
    .toSorted()
    .filter((line) => !/ (disks|owner)\.json$/.test(line))
}
const nothingLeft = () =>
  waitUntil(async () => (await shell('find /var/lib/kubenova/instances /run/kubenova -mindepth 1')) === '', {
    what: 'nothing to be left',
  })

it('boots, answers on its console, is suspended, goes on, and goes without a trace, all as another user than root', async () => {
  await user().createServer('web')
  const server = await user().waitUntilReady('web')
  await user().waitForBoot(server)
  expect(await qemuUser(server)).toBe('libvirt-qemu')
  // Its image is that of others, too.
  expect(await shell('find /var/lib/kubenova/cache/bases -type f -name disk -printf "%m %u "')).toBe('444 root ')
  const socket = connect(join(host().home, server.status?.console?.vnc?.replace('unix:', '') ?? ''))
  const [greeting] = (await once(socket, 'data')) as [Buffer]
  expect(greeting.toString()).toMatch(/^RFB 003/)
  socket.destroy()
  await turn('web', 'Suspended', 'Running')
  await host().killLibvirtd()
  await host().startLibvirtd()
  await turn('web', 'Paused', 'Running')
  // A guest that is up can be asked to power off.
  const up = () => user().consoleOf(server).trimEnd().endsWith('login:')
  await waitUntil(up, { what: 'a guest that is up', deadline: 60_000 })
  await turn('web', 'Stopped', 'Running')
  await user().waitUntilReady('web')
  await user().waitForBoot(server, 2)
  await user().delete('web')
  await nothingLeft()
})

it('has its disks and its firmware’s variables to itself while it runs; then root has them again', async () => {
  const spec = { vcpus: 1, ram: 128, disk: 1, ephemeral: 1, swap: 16 }
  await user().apply({ kind: 'Flavor', metadata: { name: 'all' }, spec })
  const { spec: guest } = await user().get<Image>('image', 'guest')
  const uefi = { ...guest, properties: { hw_firmware_type: 'uefi' } }
  await user().apply({ kind: 'Image', metadata: { name: 'uefi' }, spec: uefi })
  await user().createServer('full', { flavor: 'all', image: { name: 'uefi' } })
  const server = await user().waitUntilReady('full')
  expect(await qemuUser(server)).toBe('libvirt-qemu')
  // libvirt takes back what was written to.
  const [written, read, roots] = [
    ['disk', 'disk.eph0', 'disk.swap'],
    ['disk.config', 'nvram.fd'],
    ['console.log', 'disk.config.json'],
  ]
  const owned = (by: string, names: string[]) => names.map((name) => `600 ${by} ${name}`)
  expect(await files(server)).toEqual(
    [...owned('libvirt-qemu', [...written, ...read]), ...owned('root', roots)].toSorted(),
  )
  await turn('full', 'Suspended')
  expect(await files(server)).toEqual(
    [...owned('libvirt-qemu', read), ...owned('root', [...written, ...roots])].toSorted(),
  )
  await turn('full', 'Running')
  await user().delete('full')
  await nothingLeft()
})

it('has all that it writes on its console read, over what virtlogd rotates', async () => {
  await user().createServer('loud', { userData: '#!/bin/sh\nseq 1 300000\n' })
  const server = await user().waitUntilReady('loud')
  const log = join(host().home, server.status?.console?.log ?? '')
  // The report comes after what the user data says.
  const all = () => tail(log, { bytes: 16 * 1024 ** 2 }).then(String)
  const text = await waitUntil(async () => ((await all()).includes('KUBENOVA-GUEST') ? all() : undefined), {
    what: 'a guest that is up',
    deadline: 170_000,
    every: 500,
  })
  expect(statSync(`${log}.0`).size).toBeGreaterThan(2_000_000)
  const lines = text.split('\r\n').filter((line) => /^\d+$/.test(line))
  expect(lines).toEqual(Array.from({ length: 300_000 }, (_, i) => `${i + 1}`))
  await user().delete('loud')
  await nothingLeft()
})
