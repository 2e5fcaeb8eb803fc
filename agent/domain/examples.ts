/** Inputs of buildDomain for tests, with at least one example for each feature that a domain can have. */
import type { Instance } from '../../crds/index.ts'
import type { DomainInput, HostFacts, Vif } from './input.ts'

const SERVER_UUID = '0f6a0c3e-5b0e-4a55-9d0b-3f8f1f6f2a11'
const SERVER_DIRECTORY = '/var/lib/kubenova/servers/0f6a0c3e-5b0e-4a55-9d0b-3f8f1f6f2a11'

export const makeVif = (n: number, overrides: Partial<Vif> = {}): Vif => ({
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
  ...overrides,
})

export const makeHostFacts = (overrides: Partial<HostFacts> = {}): HostFacts => ({
  domainType: 'kvm',
  arch: 'x86_64',
  machine: 'q35',
  firmware: ['bios', 'uefi'],
  ...overrides,
})

export const makeInstance = (
  properties: Record<string, string> = {},
  flavor: Partial<Instance['flavor']> = {},
): Instance => ({
  uuid: SERVER_UUID,
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

export const makeDomainInput = (overrides: Partial<DomainInput> = {}): DomainInput => ({
  guest: {
    name: 'kubenova-0f6a0c3e',
    title: 'web-1',
    owner: { namespace: 'blue', name: 'web-1', uid: SERVER_UUID, generation: 3, bootId: 'create-7f3a' },
    createdAt: '2026-01-02T03:04:05Z',
  },
  instance: makeInstance(),
  host: makeHostFacts(),
  paths: {
    rootDisk: { path: `${SERVER_DIRECTORY}/disk`, format: 'qcow2' },
    configDrive: `${SERVER_DIRECTORY}/disk.config`,
    consoleLog: `${SERVER_DIRECTORY}/console.log`,
    nvram: `${SERVER_DIRECTORY}/nvram.fd`,
  },
  interfaces: [makeVif(1)],
  vncSocket: '/run/kubenova/0f6a0c3e.vnc',
  ...overrides,
})

const emulated = { domainType: 'qemu' } as const
const plainInput = makeDomainInput()

/** testdata/<name>.xml has the expected XML of each. */
export const domainExamples: Record<string, DomainInput> = {
  'plain-q35-kvm': plainInput,
  'plain-pc-qemu': makeDomainInput({ host: makeHostFacts({ ...emulated, machine: 'pc' }) }),
  'no-network-no-config-drive': makeDomainInput({
    interfaces: [],
    paths: {
      rootDisk: plainInput.paths.rootDisk,
      consoleLog: plainInput.paths.consoleLog,
      nvram: plainInput.paths.nvram,
    },
  }),
  overlay: makeDomainInput({
    host: makeHostFacts(emulated),
    paths: {
      ...plainInput.paths,
      rootDisk: {
        ...plainInput.paths.rootDisk,
        backing: { path: '/var/lib/kubenova/cache/bases/0/disk', format: 'qcow2' },
      },
    },
  }),
  'all-disks-raw': makeDomainInput({
    host: makeHostFacts(emulated),
    paths: {
      ...plainInput.paths,
      rootDisk: { path: `${SERVER_DIRECTORY}/disk`, format: 'raw' },
      ephemeral: { path: `${SERVER_DIRECTORY}/disk.eph0`, format: 'raw' },
      swap: { path: `${SERVER_DIRECTORY}/disk.swap`, format: 'raw' },
    },
    instance: makeInstance({}, { ephemeral: 10, swap: 512 }),
  }),
  rescue: makeDomainInput({
    host: makeHostFacts(emulated),
    paths: {
      ...plainInput.paths,
      rescueDisk: { path: `${SERVER_DIRECTORY}/disk.rescue`, format: 'qcow2' },
      nvram: `${SERVER_DIRECTORY}/nvram.rescue.fd`,
    },
  }),
  'scsi-three-disks': makeDomainInput({
    host: makeHostFacts(emulated),
    instance: makeInstance({ hw_disk_bus: 'scsi' }),
    paths: {
      ...plainInput.paths,
      ephemeral: { path: `${SERVER_DIRECTORY}/disk.eph0`, format: 'raw' },
      swap: { path: `${SERVER_DIRECTORY}/disk.swap`, format: 'raw' },
    },
  }),
  'sata-e1000e': makeDomainInput({
    host: makeHostFacts(emulated),
    instance: makeInstance({ hw_disk_bus: 'sata', hw_vif_model: 'e1000e' }),
  }),
  'ide-rtl8139-pc': makeDomainInput({
    host: makeHostFacts(emulated),
    instance: makeInstance({
      hw_machine_type: 'pc',
      hw_disk_bus: 'ide',
      hw_vif_model: 'rtl8139',
      hw_video_model: 'cirrus',
    }),
  }),
  'usb-disk': makeDomainInput({
    host: makeHostFacts(emulated),
    instance: makeInstance({ hw_disk_bus: 'usb', hw_video_model: 'none' }),
  }),
  'uefi-q35': makeDomainInput({ host: makeHostFacts(emulated), instance: makeInstance({ hw_firmware_type: 'uefi' }) }),
  'uefi-pc': makeDomainInput({
    host: makeHostFacts({ ...emulated, machine: 'pc' }),
    instance: makeInstance({ hw_firmware_type: 'uefi' }),
  }),
  'cpu-topology': makeDomainInput({
    host: makeHostFacts(emulated),
    instance: makeInstance({ hw_cpu_cores: '2' }, { extraSpecs: { 'hw:cpu_max_sockets': '1' } }),
  }),
  'windows-kvm': makeDomainInput({
    instance: makeInstance({ os_type: 'windows', hw_firmware_type: 'uefi', img_hide_hypervisor_id: 'yes' }),
  }),
  'agent-watchdog-rng-limit': makeDomainInput({
    host: makeHostFacts(emulated),
    instance: makeInstance(
      { hw_qemu_guest_agent: 'yes', hw_watchdog_action: 'reset', hw_rng_model: 'virtio' },
      { extraSpecs: { 'hw_rng:rate_bytes': '2048', 'hw_rng:rate_period': '1000', 'hw:watchdog_action': 'pause' } },
    ),
  }),
  'no-rng-virtio-input': makeDomainInput({
    host: makeHostFacts(emulated),
    instance: makeInstance(
      { hw_input_bus: 'virtio', hw_video_model: 'qxl' },
      { extraSpecs: { 'hw_rng:allowed': 'false' } },
    ),
  }),
  'many-interfaces': makeDomainInput({
    host: makeHostFacts(emulated),
    interfaces: [makeVif(1), makeVif(2, { mtu: 9000 }), makeVif(3), makeVif(4), makeVif(5), makeVif(6)],
  }),
  emulator: makeDomainInput({ host: makeHostFacts({ ...emulated, emulator: '/usr/bin/qemu-system-x86_64' }) }),
  'hostile-names': makeDomainInput({
    host: makeHostFacts(emulated),
    guest: {
      ...plainInput.guest,
      title: `<b>"it's" & \u0007more</b>\n  中文 😀`,
      description: 'line one\n\tline <two> &amp; ]]>',
      owner: { namespace: 'blue', name: 'web-1', uid: SERVER_UUID, generation: 4, bootId: `"'<>&\n\t` },
    },
  }),
  aarch64: makeDomainInput({ host: makeHostFacts({ arch: 'aarch64', domainType: 'qemu', machine: 'virt' }) }),
}
