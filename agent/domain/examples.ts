/** Inputs that the tests of this folder build domains from: one for each thing that a domain can have. */
import type { Instance } from '../../crds/index.ts'
import type { DomainInput, HostFacts, Vif } from './input.ts'

const UUID = '0f6a0c3e-5b0e-4a55-9d0b-3f8f1f6f2a11'
const DIR = '/var/lib/kubenova/servers/0f6a0c3e-5b0e-4a55-9d0b-3f8f1f6f2a11'

export const vif = (n: number, more: Partial<Vif> = {}): Vif => ({
  port: `web-1-${n}`,
  portId: `5a1d3c9e-0000-4000-8000-00000000000${n}`,
  network: 'private',
  networkNamespace: 'blue',
  networkId: '7b2c1f00-1111-4222-8333-444455556666',
  mtu: 1500,
  macAddress: `fa:16:3e:00:00:0${n}`,
  portSecurity: true,
  fixedIPs: [
    {
      address: `10.0.0.${10 + n}`,
      prefixLength: 24,
      gateway: '10.0.0.1',
      dnsServers: ['10.0.0.2'],
      dhcp: true,
    },
  ],
  bridge: 'br-7b2c1f00',
  tap: `tap5a1d3c9e-0${n}`,
  ...more,
})

export const host = (more: Partial<HostFacts> = {}): HostFacts => ({
  domainType: 'kvm',
  arch: 'x86_64',
  machine: 'q35',
  firmware: ['bios', 'uefi'],
  ...more,
})

export const instance = (
  properties: Record<string, string> = {},
  flavor: Partial<Instance['flavor']> = {},
): Instance => ({
  uuid: UUID,
  availabilityZone: 'nova',
  flavor: { name: 'm1.small', vcpus: 2, ram: 2048, disk: 20, ephemeral: 0, swap: 0, ...flavor },
  image: {
    name: 'debian-13',
    namespace: 'images',
    uid: '1c2d3e4f-0000-4000-8000-aabbccddeeff',
    url: 'https://example.com/debian-13.qcow2',
    format: 'qcow2',
    properties,
  },
  interfaces: [],
  keys: [],
})

/** A plain server; `more` replaces whole members. */
export const input = (more: Partial<DomainInput> = {}): DomainInput => ({
  guest: {
    name: 'kubenova-0f6a0c3e',
    title: 'web-1',
    mark: { namespace: 'blue', name: 'web-1', uid: UUID, generation: 3, boot: 'create-7f3a' },
    createdAt: '2026-01-02T03:04:05Z',
  },
  instance: instance(),
  host: host(),
  paths: {
    rootDisk: { path: `${DIR}/disk`, format: 'qcow2' },
    configDrive: `${DIR}/disk.config`,
    consoleLog: `${DIR}/console.log`,
    nvram: `${DIR}/nvram.fd`,
  },
  interfaces: [vif(1)],
  vncSocket: '/run/kubenova/0f6a0c3e.vnc',
  ...more,
})

const qemu = { domainType: 'qemu' } as const
const plain = input()

/** Golden files are named by the keys: testdata/<key>.xml. */
export const examples: Record<string, DomainInput> = {
  'plain-q35-kvm': plain,
  'plain-pc-qemu': input({ host: host({ ...qemu, machine: 'pc' }) }),
  'no-network-no-config-drive': input({
    interfaces: [],
    paths: { rootDisk: plain.paths.rootDisk, consoleLog: plain.paths.consoleLog, nvram: plain.paths.nvram },
  }),
  overlay: input({
    host: host(qemu),
    paths: {
      ...plain.paths,
      rootDisk: { ...plain.paths.rootDisk, backing: { path: '/var/lib/kubenova/cache/bases/0/disk', format: 'qcow2' } },
    },
  }),
  'all-disks-raw': input({
    host: host(qemu),
    paths: {
      ...plain.paths,
      rootDisk: { path: `${DIR}/disk`, format: 'raw' },
      ephemeral: { path: `${DIR}/disk.eph0`, format: 'raw' },
      swap: { path: `${DIR}/disk.swap`, format: 'raw' },
    },
    instance: instance({}, { ephemeral: 10, swap: 512 }),
  }),
  'scsi-three-disks': input({
    host: host(qemu),
    instance: instance({ hw_disk_bus: 'scsi' }),
    paths: {
      ...plain.paths,
      ephemeral: { path: `${DIR}/disk.eph0`, format: 'raw' },
      swap: { path: `${DIR}/disk.swap`, format: 'raw' },
    },
  }),
  'sata-e1000e': input({ host: host(qemu), instance: instance({ hw_disk_bus: 'sata', hw_vif_model: 'e1000e' }) }),
  'ide-rtl8139-pc': input({
    host: host(qemu),
    instance: instance({
      hw_machine_type: 'pc',
      hw_disk_bus: 'ide',
      hw_vif_model: 'rtl8139',
      hw_video_model: 'cirrus',
    }),
  }),
  'usb-disk': input({ host: host(qemu), instance: instance({ hw_disk_bus: 'usb', hw_video_model: 'none' }) }),
  'uefi-q35': input({ host: host(qemu), instance: instance({ hw_firmware_type: 'uefi' }) }),
  'uefi-pc': input({ host: host({ ...qemu, machine: 'pc' }), instance: instance({ hw_firmware_type: 'uefi' }) }),
  'windows-kvm': input({
    instance: instance({ os_type: 'windows', hw_firmware_type: 'uefi', img_hide_hypervisor_id: 'yes' }),
  }),
  'agent-watchdog-rng-limit': input({
    host: host(qemu),
    instance: instance(
      { hw_qemu_guest_agent: 'yes', hw_watchdog_action: 'reset', hw_rng_model: 'virtio' },
      { extraSpecs: { 'hw_rng:rate_bytes': '2048', 'hw_rng:rate_period': '1000', 'hw:watchdog_action': 'pause' } },
    ),
  }),
  'no-rng-virtio-input': input({
    host: host(qemu),
    instance: instance(
      { hw_input_bus: 'virtio', hw_video_model: 'qxl' },
      { extraSpecs: { 'hw_rng:allowed': 'false' } },
    ),
  }),
  'many-interfaces': input({
    host: host(qemu),
    interfaces: [vif(1), vif(2, { mtu: 9000 }), vif(3), vif(4), vif(5), vif(6)],
  }),
  emulator: input({ host: host({ ...qemu, emulator: '/usr/bin/qemu-system-x86_64' }) }),
  'hostile-names': input({
    host: host(qemu),
    guest: {
      ...plain.guest,
      title: `<b>"it's" & \u0007more</b>\n  中文 😀`,
      description: 'line one\n\tline <two> &amp; ]]>',
      mark: { namespace: 'blue', name: 'web-1', uid: UUID, generation: 4, boot: `"'<>&\n\t` },
    },
  }),
  aarch64: input({ host: host({ arch: 'aarch64', domainType: 'qemu', machine: 'virt' }) }),
}
