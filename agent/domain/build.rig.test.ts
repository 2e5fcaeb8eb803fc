import { beforeAll, describe, expect, test } from 'vitest'
import { startHost } from '../../test/rig/host.ts'
import { ensureBridge, removeNetwork } from '../../test/rig/network.ts'
import { withRigPart } from '../../test/rig/vitest.ts'
import {
  type Connection,
  domainDefineFlags,
  domainUndefineFlags,
  domainXmlFlags,
  metadataType,
  openConnection,
  proc,
} from '../libvirt/index.ts'
import { buildDomain } from './build.ts'
import { capabilityStatusOf, parseDomainCapabilities, parseHostCapabilities } from './capabilities.ts'
import { domainExamples, makeDomainInput } from './examples.ts'
import { METADATA_NAMESPACE, parseDomainOwner } from './metadata.ts'
import { parseDomain } from './testing.ts'

const rig = withRigPart(async (dir) => {
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
  connection = await openConnection(rig().host.uri)
})

const define = async (xml: string) =>
  (await connection.call(proc.domainDefineXmlFlags, { xml, flags: domainDefineFlags.validate })).dom
type Dom = Awaited<ReturnType<typeof define>>
const undefine = (dom: Dom) => connection.call(proc.domainUndefineFlags, { dom, flags: domainUndefineFlags.nvram })
const read = async (dom: Dom) =>
  parseDomain((await connection.call(proc.domainGetXmlDesc, { dom, flags: domainXmlFlags.secure })).xml)

describe('buildDomain', () => {
  // libvirt can define a domain only if the host has an emulator for the domain's architecture.
  const definable = Object.entries(domainExamples).filter(([, example]) => example.host.arch === 'x86_64')
  test.each(definable)('writes XML for %s that libvirt defines and returns unchanged', async (_, example) => {
    const xml = buildDomain(example)
    const dom = await define(xml)
    try {
      const { machine, graphics, interfaces, ...facts } = await read(dom)
      const {
        machine: wantedMachine,
        graphics: wantedGraphics,
        interfaces: wantedInterfaces,
        ...wantedFacts
      } = parseDomain(xml)
      expect(facts).toEqual(wantedFacts)
      expect(interfaces).toEqual(wantedInterfaces)
      expect(graphics[0]).toMatchObject({ type: 'vnc', socket: wantedGraphics[0]?.socket })
      // libvirt has replaced the alias (q35, pc) by a versioned machine type.
      expect(machine).toMatch(wantedMachine === 'q35' ? /^pc-q35-/ : /^pc-i440fx-/)
      expect(await define(xml)).toEqual(dom)
    } finally {
      await undefine(dom)
    }
  })
})

test('parseDomainOwner reads the owner from the metadata that libvirt keeps', async () => {
  const owner = { namespace: 'blue', name: 'web-1', uid: 'u', generation: 9, bootId: `reboot-<2>&"'` }
  const base = makeDomainInput({ host: { ...makeDomainInput().host, domainType: 'qemu' } })
  const dom = await define(buildDomain({ ...base, guest: { ...base.guest, owner } }))
  try {
    const where = { dom, type: metadataType.element, uri: METADATA_NAMESPACE }
    const { metadata } = await connection.call(proc.domainGetMetadata, where)
    expect(parseDomainOwner(metadata)).toEqual(owner)
    expect((await read(dom)).owner).toEqual(owner)
  } finally {
    await undefine(dom)
  }
})

test('capabilityStatusOf finds architecture, firmware, machine types and CPUs of this host', async () => {
  const { capabilities } = await connection.call(proc.connectGetCapabilities, {})
  const parsed = parseHostCapabilities(capabilities)
  const domains = await Promise.all(
    ['pc', 'q35'].map(async (machine) => {
      const args = { arch: 'x86_64', machine, virtType: 'qemu' }
      return parseDomainCapabilities((await connection.call(proc.connectGetDomainCapabilities, args)).capabilities)
    }),
  )
  const fields = capabilityStatusOf(parsed, domains, 'qemu')
  expect(fields).toMatchObject({ arch: 'x86_64', domainType: 'qemu' })
  expect(fields.firmware).toContain('bios')
  expect(fields.machineTypes).toEqual(expect.arrayContaining(['pc', 'q35']))
  expect(fields.diskBuses).toEqual(expect.arrayContaining(['virtio', 'scsi', 'sata', 'ide', 'usb']))
  expect(fields.numa?.length).toBeGreaterThan(0)
  expect(fields.cpu?.cores).toBeGreaterThan(0)
})
