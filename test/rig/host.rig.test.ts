import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { buildIsoImage } from '../../agent/image/iso-image.ts'
import { ensureGuestImage, guestReports } from './guest.ts'
import { findHost, type Host, startHost } from './host.ts'
import { type Bridge, ensureBridge, removeNetwork } from './network.ts'
import { isAlive, type ProcessId, runCommand } from './process.ts'
import { createScratchDirectory, removeOrphanedClouds } from './scratch.ts'
import { findTraces, noTraces } from './traces.ts'
import { waitUntil } from './wait-until.ts'

const uuid = '6a0c1d52-96a1-4a39-8e0d-0d2f1a3b4c5d'
const consoleLogPath = (dir: string) => join(dir, 'shared', 'console.log')

let dir: string
let bridge: Bridge
let h1: Host
let h2: Host

beforeAll(async () => {
  await removeOrphanedClouds()
  await ensureGuestImage()
  dir = createScratchDirectory()
  bridge = await ensureBridge(dir)
  const network = (n: number) => ({ bridge: bridge.name, address: `${bridge.prefix}.1${n}/24` })
  h1 = await startHost({ dir, name: 'h1', network: network(1), owned: true })
  h2 = await startHost({ dir, name: 'h2', network: network(2), owned: true })
  for (const host of [h1, h2]) await addBridge(host)
})

afterAll(async () => {
  for (const host of [h1, h2]) await host?.stop()
  await removeNetwork(dir)
  rmSync(dir, { recursive: true, force: true })
})

describe('Host', () => {
  it('has a name, an identity and a network of its own', async () => {
    expect((await h1.exec(['hostname'])).trim()).toBe('h1')
    expect(await h1.exec(['ip', '-4', '-o', 'address', 'show', 'eth0'])).toContain(`${bridge.prefix}.11/24`)
    const identities = await Promise.all([h1, h2].map((h) => h.virsh('capabilities')))
    const uuids = identities.map((xml) => /<uuid>(.*?)<\/uuid>/.exec(xml)?.[1])
    expect(new Set(uuids).size).toBe(2)
  })

  it('is found by another process, whose start changes nothing', async () => {
    const again = findHost({ dir, name: 'h1' })
    expect(again.pid).toBe(h1.pid)
    await again.start()
    expect(again.libvirtd).toEqual(h1.libvirtd)
  })

  it('runs processes and reports their end', async () => {
    const sleeper = await h1.spawn(['sleep', '1000'], { name: 'sleeper' })
    expect(sleeper.kill('SIGKILL')).toBe(true)
    expect((await sleeper.exited).signal).toBe('SIGKILL')
    expect(sleeper.kill('SIGKILL')).toBe(false)
  })
})

describe('a guest', () => {
  it('boots from the image with the values of its config drive', async () => {
    await makeDisks()
    writeFileSync(join(dir, 'shared/web-1.xml'), makeDomainXml())
    await h1.virsh('define', join(dir, 'shared/web-1.xml'))
    await h1.virsh('start', 'web-1')
    await waitForPrompt(1)
    const [report] = guestReports(readFileSync(consoleLogPath(dir), 'utf8'))
    expect(report).toMatchObject({
      hostname: 'web-1',
      uuid,
      keys: 2,
      addresses: ['10.0.0.5/24'],
      userdata: 'ok',
      boots: 1,
      disk: 256 << 20,
      cpus: 1,
    })
  })

  it('keeps running while libvirtd is killed and restarted', async () => {
    const qemu = qemuOf(h1)
    await h1.killLibvirtd('SIGKILL')
    expect(h1.libvirtd).toBeUndefined()
    expect(isAlive(qemu)).toBe(true)
    await h1.startLibvirtd()
    expect((await h1.virsh('domstate', 'web-1')).trim()).toBe('running')
    expect(qemuOf(h1)).toEqual(qemu)
  })

  it('answers ping and HTTP', async () => {
    await h1.exec(['ip', 'address', 'add', '10.0.0.1/24', 'dev', 'br0'])
    await h1.exec(['ip', 'link', 'set', 'br0', 'up'])
    await waitUntil(() => h1.exec(['busybox', 'ping', '-c', '1', '-W', '1', '10.0.0.5']), { what: 'answer to ping' })
    expect(await h1.exec(['busybox', 'wget', '-q', '-O', '-', 'http://10.0.0.5/'])).toContain(`web-1 ${uuid}`)
  })

  it('answers through the guest agent', async () => {
    const runGuestAgentCommand = (command: string) =>
      h1.virsh('qemu-agent-command', 'web-1', JSON.stringify({ execute: command }))
    await waitUntil(() => runGuestAgentCommand('guest-ping'), { what: 'guest agent' })
    expect(JSON.parse(await runGuestAgentCommand('guest-get-host-name'))).toEqual({ return: { 'host-name': 'web-1' } })
    await h1.virsh('set-user-password', 'web-1', 'root', 'changed')
  })

  it('migrates to another host while it runs', async () => {
    const options = ['--live', '--p2p', '--persistent', '--undefinesource', '--unsafe']
    await h1.virsh('migrate', ...options, 'web-1', 'qemu+tcp://h2/system')
    expect((await h1.virsh('list', '--all', '--name')).trim()).toBe('')
    expect((await h2.virsh('domstate', 'web-1')).trim()).toBe('running')
  })

  it('powers off at an ACPI shutdown, and boots again', async () => {
    const boots = () => guestReports(readFileSync(consoleLogPath(dir), 'utf8')).map((r) => r.boots)
    expect(boots()).toEqual([1])
    await h2.virsh('shutdown', '--mode', 'acpi', 'web-1')
    const off = async () => (await h2.virsh('domstate', 'web-1')).trim() === 'shut off'
    await waitUntil(off, { what: 'end of the guest', deadline: 60_000 })
    await h2.virsh('start', 'web-1')
    await waitForPrompt(2)
    expect(boots()).toEqual([1, 2])
  })
})

describe('Host.powerOff and Host.stop', () => {
  it('powerOff ends the guests, and keeps their disks and definitions', async () => {
    const qemu = qemuOf(h2)
    await h2.powerOff()
    expect(isAlive(qemu)).toBe(false)
    await h2.start()
    expect((await h2.virsh('domstate', 'web-1')).trim()).toBe('shut off')
    await addBridge(h2)
    await h2.virsh('start', 'web-1')
  })

  it('stop leaves no processes, interfaces and files', async () => {
    const { processes, links } = await findTraces(dir)
    expect([processes.length, links.length].map((n) => n >= 2)).toEqual([true, true])
    for (const host of [h1, h2]) await findHost({ dir, name: host.name }).stop()
    await removeNetwork(dir)
    expect(await findTraces(dir)).toEqual({ ...noTraces, files: true })
    expect(existsSync(h1.home)).toBe(false)
  })
})

async function addBridge(host: Host): Promise<void> {
  await host.exec(['ip', 'link', 'add', 'br0', 'type', 'bridge'])
}

function qemuOf(host: Host): ProcessId {
  const id = host.qemuOf('web-1')
  if (!id) throw new Error(`web-1 does not run on ${host.name}`)
  return id
}

async function waitForPrompt(times: number): Promise<void> {
  const prompts = () => readFileSync(consoleLogPath(dir), 'utf8').split('web-1 login:').length - 1
  await waitUntil(() => prompts() >= times, { what: `login prompt ${times}`, deadline: 90_000, every: 100 })
}

async function makeDisks(): Promise<void> {
  mkdirSync(join(dir, 'shared'), { recursive: true })
  const { path } = await ensureGuestImage()
  await runCommand([
    'qemu-img',
    'create',
    '-q',
    '-f',
    'qcow2',
    '-b',
    path,
    '-F',
    'qcow2',
    join(dir, 'shared/disk'),
    '256M',
  ])
  const files = {
    'meta_data.json': { uuid, hostname: 'web-1', public_keys: { mine: 'ssh-ed25519 AAAA a@b', yours: 'ssh-rsa BBBB' } },
    'network_data.json': {
      links: [{ id: 'tap0', type: 'bridge', ethernet_mac_address: mac, mtu: 1400 }],
      networks: [
        { id: 'n0', type: 'ipv4', link: 'tap0', ip_address: '10.0.0.5', netmask: '255.255.255.0', routes: [] },
      ],
      services: [{ type: 'dns', address: '10.0.0.1' }],
    },
  }
  const drive = new Map([['openstack/latest/user_data', Buffer.from('#!/bin/sh\necho "to be or not to be"\n')]])
  for (const [name, content] of Object.entries(files))
    drive.set(`openstack/latest/${name}`, Buffer.from(JSON.stringify(content)))
  writeFileSync(join(dir, 'shared/config.iso'), buildIsoImage('config-2', drive))
}

const mac = '52:54:00:6b:6e:01'

const makeDomainXml = () => `<domain type="qemu">
  <name>web-1</name><uuid>${uuid}</uuid><memory unit="MiB">128</memory><vcpu>1</vcpu>
  <os><type arch="x86_64" machine="q35">hvm</type></os>
  <features><acpi/></features>
  <on_poweroff>destroy</on_poweroff><on_reboot>restart</on_reboot>
  <devices>
    <disk type="file" device="disk"><driver name="qemu" type="qcow2" cache="none"/>
      <source file="${dir}/shared/disk"/><target dev="vda" bus="virtio"/></disk>
    <disk type="file" device="cdrom"><driver name="qemu" type="raw"/>
      <source file="${dir}/shared/config.iso"/><target dev="sda" bus="scsi"/><readonly/></disk>
    <controller type="scsi" index="0" model="virtio-scsi"/>
    <interface type="bridge"><mac address="${mac}"/><source bridge="br0"/><model type="virtio"/></interface>
    <channel type="unix"><target type="virtio" name="org.qemu.guest_agent.0"/></channel>
    <serial type="pty"><log file="${consoleLogPath(dir)}" append="on"/></serial>
    <rng model="virtio"><backend model="random">/dev/urandom</backend></rng>
  </devices>
</domain>
`
