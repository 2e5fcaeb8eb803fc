/** crds/status-owners.ts has the owner of each field. */
import { type Static, Type } from 'typebox'
import { CommonStatus, Time } from '../schema.ts'
import { desiredPowers, modes, powerStates, taskStates, vmStates } from '../states.ts'
import { FlavorSizes } from './flavor.ts'
import { ImageSource } from './image.ts'

const FixedIP = Type.Object({
  address: Type.String(),
  prefixLength: Type.Integer(),
  gateway: Type.Optional(Type.String()),
  dnsServers: Type.Optional(Type.Array(Type.String(), { 'x-kubernetes-list-type': 'atomic' })),
  hostRoutes: Type.Optional(
    Type.Array(Type.Object({ destination: Type.String(), nextHop: Type.String() }), {
      'x-kubernetes-list-type': 'atomic',
    }),
  ),
  dhcp: Type.Boolean(),
  dhcpAddress: Type.Optional(Type.String({ description: 'The address from which DHCP answers.' })),
})
export type FixedIP = Static<typeof FixedIP>

export const Interface = Type.Object({
  port: Type.String({ description: 'Name of its Port.' }),
  portId: Type.String({ description: "The Port's uid: Neutron's port id; names the tap device." }),
  network: Type.String(),
  networkNamespace: Type.String(),
  networkId: Type.String({ description: "The Network's uid." }),
  bridge: Type.Optional(
    Type.String({ description: 'A bridge that the host has. Absent: the agent creates one, named after networkId.' }),
  ),
  uplink: Type.Optional(Type.String()),
  mtu: Type.Integer(),
  macAddress: Type.String(),
  portSecurity: Type.Boolean(),
  fixedIPs: Type.Array(FixedIP, { 'x-kubernetes-list-type': 'atomic' }),
  tag: Type.Optional(Type.String()),
})
export type Interface = Static<typeof Interface>

/**
 * A copy of everything that a Server's spec refers to, made when the controller places the Server. Later changes or
 * deletions of the Flavor or the Image do not affect the server.
 */
export const Instance = Type.Object({
  uuid: Type.String({ description: 'The UUID of the server in Nova, and of its domain in libvirt.' }),
  availabilityZone: Type.String(),
  flavor: Type.Object({ name: Type.String(), ...FlavorSizes }),
  image: Type.Object({
    name: Type.String(),
    namespace: Type.String(),
    uid: Type.String(),
    minDisk: Type.Optional(Type.Integer()),
    ...ImageSource,
    sealedCredentials: Type.Optional(
      Type.String({
        description:
          'The credentials for the URL, encrypted for the host and this server (docs/adr/0031-sealed-image-credentials.md). Only there if the Image names a Secret.',
        maxLength: 8192,
      }),
    ),
  }),
  interfaces: Type.Array(Interface, { 'x-kubernetes-list-type': 'atomic' }),
  keys: Type.Array(Type.Object({ name: Type.String(), type: Type.String(), data: Type.String() }), {
    'x-kubernetes-list-type': 'atomic',
  }),
  hasSecretUserData: Type.Optional(
    Type.Boolean({
      description: 'true: the server has user data from a Secret, which its HostSecret brings to the host.',
    }),
  ),
})
export type Instance = Static<typeof Instance>

/**
 * The action request that the controller has admitted. The action has ended when lastCompletedAction has the same uid.
 */
const AdmittedAction = Type.Object(
  {
    name: Type.String({ description: 'Name of the ServerAction.' }),
    uid: Type.String(),
    action: Type.String(),
    params: Type.Optional(
      Type.Unsafe<Record<string, unknown>>({ type: 'object', 'x-kubernetes-preserve-unknown-fields': true }),
    ),
    requestId: Type.Optional(Type.String()),
    admittedAt: Time('When the action was admitted.'),
  },
  // This keyword makes server-side apply replace activeAction as a whole. Without it, when params lose their last
  // member, the API server would set params to null and then reject the null.
  { 'x-kubernetes-map-type': 'atomic' },
)
export type AdmittedAction = Static<typeof AdmittedAction>

const Fault = Type.Object({
  code: Type.Integer(),
  message: Type.String(),
  details: Type.Optional(Type.String()),
  created: Time('When the fault happened.'),
})
export type Fault = Static<typeof Fault>

const HostRejection = Type.Object({ host: Type.String(), reason: Type.String({ maxLength: 1024 }) })
export type HostRejection = Static<typeof HostRejection>

const placementFields = {
  host: Type.Optional(Type.String({ description: 'The only host that may run the server.' })),
  instance: Type.Optional(Instance),
  addresses: Type.Optional(
    Type.Array(
      Type.Object({
        network: Type.String(),
        address: Type.String(),
        version: Type.Integer({ minimum: 4, maximum: 6 }),
        macAddress: Type.String(),
      }),
      { 'x-kubernetes-list-type': 'atomic' },
    ),
  ),
  activeAction: Type.Optional(AdmittedAction),
  rejectedHosts: Type.Optional(
    Type.Array(HostRejection, {
      description: 'Hosts that could not build the server, and why.',
      'x-kubernetes-list-type': 'atomic',
      maxItems: 16,
    }),
  ),
}

/**
 * The agent of status.host writes these fields. The scheduler writes some of them until the agent has written the
 * status for the first time.
 */
const stateFields = {
  vmState: Type.Optional(Type.Enum([...vmStates])),
  taskState: Type.Optional(Type.Enum([...taskStates])),
  powerState: Type.Optional(Type.Enum([...powerStates])),
  mode: Type.Optional(
    Type.Enum([...modes], {
      description: 'The form in which the server exists, apart from its power. Absent: normal.',
    }),
  ),
  fault: Type.Optional(Fault),
  launchedAt: Type.Optional(Time('When the server was built, or first seen to run.')),
  domain: Type.Optional(
    Type.Object({
      name: Type.String({ description: 'Name of the libvirt domain.' }),
      reason: Type.Optional(Type.String({ description: "libvirt's reason for the state of the domain." })),
    }),
  ),
  console: Type.Optional(
    Type.Object({
      log: Type.String({ description: "Path of the serial console's log on the host." }),
      vnc: Type.Optional(Type.String({ description: 'Address of the graphical console on the host.' })),
    }),
  ),
  reachedPowerState: Type.Optional(
    Type.Enum([...desiredPowers], {
      description:
        'The last value of spec.powerState that the server has reached. A guest that powers itself off later stays off until spec.powerState changes.',
    }),
  ),
  actionRecords: Type.Optional(
    Type.Integer({
      minimum: 0,
      description:
        'How many action records the agent has written for changes of the spec: the next one is named <server>-<actionRecords + 1>.',
    }),
  ),
  lastCompletedAction: Type.Optional(Type.String({ description: 'uid of the last ServerAction that ended.' })),
  hostRejection: Type.Optional({
    ...HostRejection,
    description: 'The host could not build the server and has cleaned up. The scheduler then chooses another host.',
  }),
}

export const ServerStatus = Type.Object({ ...CommonStatus, ...placementFields, ...stateFields })
export type ServerStatus = Static<typeof ServerStatus>
