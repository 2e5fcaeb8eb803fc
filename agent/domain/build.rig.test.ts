// A real libvirtd: it validates every golden domain against its schema, defines it, and what it gives back reads the same.
import { beforeAll, describe, expect, test } from 'vitest'
import { startHost } from '../../test/rig/host.ts'
import { ensureBridge, removeNetwork } from '../../test/rig/network.ts'
import { withPart } from '../../test/rig/vitest.ts'
import {
  type Connection,
  connect,
  domainDefineFlags,
  domainUndefineFlags,
  domainXmlFlags,
  metadataType,
  proc,
} from '../libvirt/index.ts'
import { buildDomain } from './build.ts'
import { capabilityFields, parseCapabilities, parseDomainCapabilities } from './capabilities.ts'
import { examples, input } from './examples.ts'
import { NAMESPACE, parseMark } from './metadata.ts'
import { parseDomain } from './testing.ts'

const rig = withPart(async (dir) => {
  const bridge = await ensureBridge(dir)
  const host = await startHost({
    dir,
    name: 'h1',
    network: { bridge: bridge.name, address: `${bridge.prefix}.11/24` },
    owned: true,
  })
  const stop = async () => {
    await host.stop()
    await removeNetwork(dir)
  }
  return { host, stop }
})
let connection: Connection
beforeAll(async () => {
  connection = await connect(rig().host.uri)
})

const define = async (xml: string) =>
  (await connection.call(proc.domainDefineXmlFlags, { xml, flags: domainDefineFlags.validate })).dom
type Dom = Awaited<ReturnType<typeof define>>
const undefine = (dom: Dom) => connection.call(proc.domainUndefineFlags, { dom, flags: domainUndefineFlags.nvram })
const read = async (dom: Dom) =>
  parseDomain((await connection.call(proc.domainGetXmlDesc, { dom, flags: domainXmlFlags.secure })).xml)

describe('every example', () => {
  // libvirt defines a domain only if it has an emulator for the architecture.
  const here = Object.entries(examples).filter(([, example]) => example.host.arch === 'x86_64')
  test.each(here)('%s', async (_, example) => {
    const xml = buildDomain(example)
    const dom = await define(xml)
    try {
      const { machine, graphics, interfaces, ...facts } = await read(dom)
      const { machine: wanted, graphics: wantedGraphics, interfaces: wantedInterfaces, ...same } = parseDomain(xml)
      expect(facts).toEqual(same)
      expect(interfaces).toEqual(wantedInterfaces)
      expect(graphics[0]).toMatchObject({ type: 'vnc', socket: wantedGraphics[0]?.socket })
      // The alias has become the version that the guest keeps from now on.
      expect(machine).toMatch(wanted === 'q35' ? /^pc-q35-/ : /^pc-i440fx-/)
      // Defined once more it is the same domain, not another one.
      expect(await define(xml)).toEqual(dom)
    } finally {
      await undefine(dom)
    }
  })
})

test('reads the owner from the metadata that libvirt keeps', async () => {
  const owner = { namespace: 'blue', name: 'web-1', uid: 'u', generation: 9, boot: `reboot-<2>&"'` }
  const base = input({ host: { ...input().host, domainType: 'qemu' } })
  const dom = await define(buildDomain({ ...base, guest: { ...base.guest, mark: owner } }))
  try {
    const where = { dom, type: metadataType.element, uri: NAMESPACE }
    const { metadata } = await connection.call(proc.domainGetMetadata, where)
    expect(parseMark(metadata)).toEqual(owner)
    expect((await read(dom)).mark).toEqual(owner)
  } finally {
    await undefine(dom)
  }
})

test('capabilities of this host give all that Hypervisor says of it', async () => {
  const { capabilities } = await connection.call(proc.connectGetCapabilities, {})
  const parsed = parseCapabilities(capabilities)
  const domains = await Promise.all(
    ['pc', 'q35'].map(async (machine) => {
      const args = { arch: 'x86_64', machine, virtType: 'qemu' }
      return parseDomainCapabilities((await connection.call(proc.connectGetDomainCapabilities, args)).capabilities)
    }),
  )
  const fields = capabilityFields(parsed, domains, 'qemu')
  expect(fields).toMatchObject({ arch: 'x86_64', domainType: 'qemu' })
  expect(fields.firmware).toContain('bios')
  expect(fields.machineTypes).toEqual(expect.arrayContaining(['pc', 'q35']))
  expect(fields.diskBuses).toEqual(expect.arrayContaining(['virtio', 'scsi', 'sata', 'ide', 'usb']))
  expect(fields.numa?.length).toBeGreaterThan(0)
  expect(fields.cpu?.cores).toBeGreaterThan(0)
})
