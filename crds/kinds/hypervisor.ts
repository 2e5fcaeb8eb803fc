/** Hypervisor: a KVM host. Administrators write its spec; the agent and the controller write its status. */
import { type Static, Type } from 'typebox'
import { ageColumn, CommonStatus, celRules, defineKind, Line, type Resource, readyColumn, Time } from '../schema.ts'

/**
 * For a value without a fraction, the API server rounds `minimum` down to 0. So `minimum` alone would accept 0, and a
 * CEL rule repeats the limit.
 */
const Ratio = (description: string) =>
  Type.Optional(
    Type.Number({
      description,
      minimum: 0.1,
      maximum: 128,
      ...celRules({ rule: 'self >= 0.1', message: 'must be at least 0.1' }),
    }),
  )

const Reserved = (description: string, maximum: number) =>
  Type.Optional(Type.Integer({ minimum: 0, maximum, description }))

export const HypervisorSpec = Type.Object(
  {
    disabled: Type.Boolean({
      default: false,
      description: 'true: no server is placed here. Running servers are not affected.',
    }),
    disabledReason: Type.Optional(Line('Why the host is disabled, for other operators.')),
    forcedDown: Type.Boolean({
      default: false,
      description:
        'true: the host counts as down, whatever its agent reports. Set it only for a host that is powered off or fenced.',
    }),
    allocationRatios: Type.Optional(
      Type.Object(
        {
          vcpu: Ratio('Virtual CPUs per CPU thread; default 4.'),
          ram: Ratio('Default 1.'),
          disk: Ratio('Default 1.'),
        },
        { description: 'How much more the servers may have than the host has.' },
      ),
    ),
    reserved: Type.Optional(
      Type.Object(
        {
          vcpus: Reserved('CPU threads kept for the host; default 0.', 65_536),
          ram: Reserved('MiB kept for the host; default 512.', 67_108_864),
          disk: Reserved('GiB kept for the host; default 0.', 1_048_576),
        },
        { description: 'Resources that are reserved for the host itself.' },
      ),
    ),
    maxServers: Type.Optional(
      Type.Integer({ minimum: 0, maximum: 100_000, description: 'The greatest number of servers on the host.' }),
    ),
  },
  celRules({
    rule: '!has(self.disabledReason) || self.disabled',
    message: 'disabledReason can only be given with disabled: true',
    fieldPath: '.disabledReason',
  }),
)

export const Resources = Type.Object({
  vcpus: Type.Integer({ description: 'CPU threads, or virtual CPUs.' }),
  ram: Type.Integer({ description: 'MiB' }),
  disk: Type.Integer({ description: 'GiB' }),
})
export type Resources = Static<typeof Resources>

const NumaCell = Type.Object({
  id: Type.Integer(),
  memory: Type.Integer({ description: 'MiB' }),
  cpus: Type.String({ description: 'CPU list, such as 0-7,16-23.' }),
})

export const HypervisorStatus = Type.Object({
  ...CommonStatus,
  state: Type.Optional(
    Type.Enum(['up', 'down'], { description: 'down: no heartbeat for --down-after-seconds, or forced down.' }),
  ),
  used: Type.Optional(Resources),
  servers: Type.Optional(Type.Integer({ description: 'Servers placed here.' })),
  hostIP: Type.Optional(Type.String()),
  agentPort: Type.Optional(
    Type.Integer({
      minimum: 1,
      maximum: 65_535,
      description: 'Port of the agent at hostIP, for questions of the API shim. Absent: the agent listens elsewhere.',
    }),
  ),
  arch: Type.Optional(Type.String()),
  domainType: Type.Optional(
    Type.Enum(['kvm', 'qemu'], { description: 'kvm, or qemu: emulation without hardware help.' }),
  ),
  libvirtVersion: Type.Optional(Type.String()),
  qemuVersion: Type.Optional(Type.String()),
  agentVersion: Type.Optional(Type.String()),
  capacity: Type.Optional(Resources),
  cpu: Type.Optional(
    Type.Object({
      model: Type.Optional(Type.String()),
      vendor: Type.Optional(Type.String()),
      sockets: Type.Optional(Type.Integer()),
      cores: Type.Optional(Type.Integer()),
      threads: Type.Optional(Type.Integer()),
      features: Type.Optional(Type.Array(Type.String(), { 'x-kubernetes-list-type': 'atomic' })),
    }),
  ),
  numa: Type.Optional(Type.Array(NumaCell, { 'x-kubernetes-list-type': 'atomic' })),
  machineTypes: Type.Optional(
    Type.Array(Type.String(), {
      'x-kubernetes-list-type': 'atomic',
      description: 'Machine types without the versioned ones.',
    }),
  ),
  firmware: Type.Optional(Type.Array(Type.Enum(['bios', 'uefi']), { 'x-kubernetes-list-type': 'atomic' })),
  diskBuses: Type.Optional(Type.Array(Type.String(), { 'x-kubernetes-list-type': 'atomic' })),
  vifModels: Type.Optional(Type.Array(Type.String(), { 'x-kubernetes-list-type': 'atomic' })),
  bootedAt: Type.Optional(Time('When the host booted.')),
  sealingKey: Type.Optional(
    Type.String({
      description:
        'X25519 public key, in base64url, to which the controller seals passwords and user data for guests of this host.',
      maxLength: 64,
    }),
  ),
})

export const hypervisor = defineKind({
  kind: 'Hypervisor',
  plural: 'hypervisors',
  shortNames: ['hv'],
  scope: 'Cluster',
  description:
    'A host that runs servers. Its agent registers it; an operator disables it, forces it down or sets its ratios.',
  spec: HypervisorSpec,
  status: HypervisorStatus,
  columns: [
    { name: 'State', type: 'string', jsonPath: '.status.state' },
    { name: 'Disabled', type: 'boolean', jsonPath: '.spec.disabled' },
    { name: 'Servers', type: 'integer', jsonPath: '.status.servers' },
    { name: 'VCPUs', type: 'integer', jsonPath: '.status.capacity.vcpus', description: 'CPU threads' },
    { name: 'UsedVCPUs', type: 'integer', jsonPath: '.status.used.vcpus' },
    { name: 'RAM', type: 'integer', jsonPath: '.status.capacity.ram', description: 'MiB' },
    { name: 'UsedRAM', type: 'integer', jsonPath: '.status.used.ram', description: 'MiB' },
    { name: 'Disk', type: 'integer', jsonPath: '.status.capacity.disk', priority: 1, description: 'GiB' },
    { name: 'UsedDisk', type: 'integer', jsonPath: '.status.used.disk', priority: 1, description: 'GiB' },
    { name: 'Domain', type: 'string', jsonPath: '.status.domainType', description: 'kvm or qemu' },
    { name: 'CPUModel', type: 'string', jsonPath: '.status.cpu.model', priority: 1 },
    { name: 'Libvirt', type: 'string', jsonPath: '.status.libvirtVersion', priority: 1 },
    { name: 'QEMU', type: 'string', jsonPath: '.status.qemuVersion', priority: 1 },
    { name: 'IP', type: 'string', jsonPath: '.status.hostIP', priority: 1 },
    { name: 'DisabledReason', type: 'string', jsonPath: '.spec.disabledReason', priority: 1 },
    readyColumn,
    ageColumn,
  ],
})
export type Hypervisor = Resource<typeof hypervisor>
