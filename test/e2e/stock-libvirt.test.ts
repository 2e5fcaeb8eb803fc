// Tests a host with libvirt as Debian sets it up: QEMU runs as its own user and owns the disks of running guests, and
// virtlogd writes the consoles.

import { once } from 'node:events'
import { statSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import { beforeAll, expect, it } from 'vitest'
import { readTail } from '../../agent/console/tail.ts'
import type { Image, Server } from '../../crds/index.ts'
import { runCommand } from '../rig/process.ts'
import { waitUntil } from '../rig/wait-until.ts'
import { withCloud } from './user.ts'

const user = withCloud({ stock: true })
const host = () => user().cloud.host('h1')
const runShell = (script: string) => host().exec(['sh', '-c', script])

beforeAll(async () => {
  // A systemd unit may set a strict umask, and the agent must work with it.
  await user().cloud.kill('agent-h1')
  await runShell('rm -r /var/lib/kubenova/cache')
  const before = process.umask(0o077)
  await user().cloud.startAgent('h1')
  process.umask(before)
  await user().cloud.waitUntilReady('agent-h1')
})

const changePowerState = async (name: string, ...states: string[]) => {
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
const filesOf = async ({ metadata }: Server) => {
  const listed = await runShell(`cd /var/lib/kubenova/instances/${metadata.uid} && find -type f -printf '%m %u %P\\n'`)
  return listed
    .trimEnd()
    .split('\n')
    .toSorted()
    .filter((line) => !/ (disks|owner)\.json$/.test(line))
}
const waitUntilNoFiles = () =>
  waitUntil(async () => (await runShell('find /var/lib/kubenova/instances /run/kubenova -mindepth 1')) === '', {
    what: 'no files to be left',
  })

it('a guest runs as another user than root through boot, suspend, pause and deletion', async () => {
  await user().createServer('web')
  const server = await user().waitUntilReady('web')
  await user().waitForBoot(server)
  expect(await qemuUser(server)).toBe('libvirt-qemu')
  // Other guests use the cached image too, so it must belong to root and not to the user of this guest's QEMU.
  expect(await runShell('find /var/lib/kubenova/cache/bases -type f -name disk -printf "%m %u "')).toBe('444 root ')
  const socket = connect(join(host().home, server.status?.console?.vnc?.replace('unix:', '') ?? ''))
  const [greeting] = (await once(socket, 'data')) as [Buffer]
  expect(greeting.toString()).toMatch(/^RFB 003/)
  socket.destroy()
  await changePowerState('web', 'Suspended', 'Running')
  await host().killLibvirtd()
  await host().startLibvirtd()
  await changePowerState('web', 'Paused', 'Running')
  // A guest reacts to a shutdown request only after it has booted.
  const isUp = () => user().consoleOf(server).trimEnd().endsWith('login:')
  await waitUntil(isUp, { what: 'a guest that is up', deadline: 60_000 })
  await changePowerState('web', 'Stopped', 'Running')
  await user().waitUntilReady('web')
  await user().waitForBoot(server, 2)
  await user().delete('web')
  await waitUntilNoFiles()
})

it('the disks and firmware variables of a guest belong to QEMU’s user while it runs, and to root afterwards', async () => {
  const spec = { vcpus: 1, ram: 128, disk: 1, ephemeral: 1, swap: 16 }
  await user().apply({ kind: 'Flavor', metadata: { name: 'all' }, spec })
  const { spec: guest } = await user().get<Image>('image', 'guest')
  const uefi = { ...guest, properties: { hw_firmware_type: 'uefi' } }
  await user().apply({ kind: 'Image', metadata: { name: 'uefi' }, spec: uefi })
  await user().createServer('full', { flavor: 'all', image: { name: 'uefi' } })
  const server = await user().waitUntilReady('full')
  expect(await qemuUser(server)).toBe('libvirt-qemu')
  // While the guest runs, QEMU's user owns `written` and `read`. Afterwards libvirt gives only `written` back to root.
  // Root always owns `roots`.
  const [written, read, roots] = [
    ['disk', 'disk.eph0', 'disk.swap'],
    ['disk.config', 'nvram.fd'],
    ['console.log', 'disk.config.json'],
  ]
  const owned = (by: string, names: string[]) => names.map((name) => `600 ${by} ${name}`)
  expect(await filesOf(server)).toEqual(
    [...owned('libvirt-qemu', [...written, ...read]), ...owned('root', roots)].toSorted(),
  )
  await changePowerState('full', 'Suspended')
  expect(await filesOf(server)).toEqual(
    [...owned('libvirt-qemu', read), ...owned('root', [...written, ...roots])].toSorted(),
  )
  await changePowerState('full', 'Running')
  await user().delete('full')
  await waitUntilNoFiles()
})

it('the console log has all output of the guest, across the rotation by virtlogd', async () => {
  await user().createServer('loud', { userData: '#!/bin/sh\nseq 1 300000\n' })
  const server = await user().waitUntilReady('loud')
  const log = join(host().home, server.status?.console?.log ?? '')
  // The guest prints its report after all output of the user data, so that output is then in the log.
  const all = () => readTail(log, { bytes: 16 * 1024 ** 2 }).then(String)
  const text = await waitUntil(async () => ((await all()).includes('KUBENOVA-GUEST') ? all() : undefined), {
    what: 'a guest that is up',
    deadline: 400_000,
    every: 500,
  })
  expect(statSync(`${log}.0`).size).toBeGreaterThan(2_000_000)
  const lines = text.split('\r\n').filter((line) => /^\d+$/.test(line))
  expect(lines).toEqual(Array.from({ length: 300_000 }, (_, i) => `${i + 1}`))
  await user().delete('loud')
  await waitUntilNoFiles()
})
